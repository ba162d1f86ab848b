package qcskill

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/trees"
)

// TestFeatures writes what the isolation forest is trained on: for every value of the development data that
// stands out its features, and for the labelled ones the labels and what the tests said. It runs when
// GUARDY_TEST_ANOMALY_FEATURES names the file, a CSV with gzip. Empty features are those of values that do
// not stand out.
func TestFeatures(t *testing.T) {
	path := os.Getenv("GUARDY_TEST_ANOMALY_FEATURES")
	if path == "" {
		t.Skip("GUARDY_TEST_ANOMALY_FEATURES names the file to write")
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(file)
	w := bufio.NewWriterSize(z, 1<<20)
	fmt.Fprint(w, "set,device,variable,time,labelled,label,detected,score")
	for f := range anomaly.NumFeatures {
		fmt.Fprint(w, ",", f)
	}
	fmt.Fprintln(w)
	write := func(set string, d *device, det *anomaly.Detector) {
		d.replay(det, func(i int, v *anomaly.Verdict) {
			for k := range v.Findings() {
				writeFinding(w, set, d, i, &v.Findings()[k])
			}
		})
	}
	for _, d := range logan(t) {
		fold := slices.IndexFunc(loganFolds, func(f loganFold) bool { return f.site == d.name })
		write("logan", d, asking(t, &loganFolds[fold].tuned))
	}
	shipped := asking(t, nil)
	for _, set := range []struct {
		name    string
		devices map[string]*device
	}{{"history", history(t)}, {"station", station(t)}, {"herbert", herbert(t)}} {
		for _, name := range slices.Sorted(maps.Keys(set.devices)) { // the forest depends on the order
			write(set.name, set.devices[name], shipped)
		}
	}
	for _, end := range []func() error{w.Flush, z.Close, file.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

func writeFinding(w *bufio.Writer, set string, d *device, i int, f *anomaly.Finding) {
	k := slices.Index(d.names, f.Name)
	features, asked := f.Features()
	labelled := d.labels != nil && (d.skip == nil || !d.skip[i][k]) && f.Value == f.Value
	if !asked && !labelled {
		return
	}
	fmt.Fprintf(w, "%s,%s,%s,%d,%d,%d,%d,%.4f", set, d.name, f.Name, d.times[i].Unix(),
		bit(labelled), bit(labelled && d.labels[i][k]), bit(f.IsAnomaly()), f.Score)
	for _, x := range features {
		if asked {
			fmt.Fprintf(w, ",%.7g", x)
		} else {
			fmt.Fprint(w, ",")
		}
	}
	fmt.Fprintln(w)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// asking returns a detector with a forest that knows nothing: it makes the detector work out the features.
func asking(t *testing.T, other *anomaly.Tuning) *anomaly.Detector {
	t.Helper()
	names := make([]string, anomaly.NumFeatures)
	for f := range anomaly.NumFeatures {
		names[f] = f.String()
	}
	leaf := trees.Node{Left: trees.NoChild, Right: trees.NoChild, Value: 1, Cover: 1}
	forest, err := anomaly.NewForest(anomaly.ForestSpec{
		Features: names, Trees: []trees.Tree{{Nodes: []trees.Node{leaf}}}, Rows: 2, Suspect: 0.5, Fail: 0.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	tunings := anomaly.DefaultTunings()
	if other != nil {
		tunings.Other = *other
	}
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: tunings, Forest: forest})
	if err != nil {
		t.Fatal(err)
	}
	return m.Detector("")
}

// history reads the records of the Logan River that nobody labelled.
func history(t *testing.T) map[string]*device {
	names := []string{"temp", "cond", "ph", "do"}
	devices := map[string]*device{}
	index := map[string]map[string]int{}
	rows(t, "lro_unlabelled_history.csv.gz", func(get func(string) string) {
		stamp := get("timestamp")
		name := get("site") + "_" + stamp[:4]
		d := devices[name]
		if d == nil {
			d = &device{name: name, names: names}
			devices[name], index[name] = d, map[string]int{}
		}
		i, ok := index[name][stamp]
		if !ok {
			i = len(d.times)
			index[name][strings.Clone(stamp)] = i
			d.times = append(d.times, at(stamp))
			d.values = append(d.values, []float64{nan, nan, nan, nan})
		}
		if k := slices.Index(names, get("variable")); k >= 0 {
			d.values[i][k] = number(get("value"))
		}
	})
	return devices
}
