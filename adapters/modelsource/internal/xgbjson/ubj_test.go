package xgbjson

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// The two files are of one booster.
func TestAModelInUniversalBinaryJSONAnswersAsTheSameModelInJSON(t *testing.T) {
	for _, name := range []string{"depth4", "stumps"} {
		plain, err := Parse(read(t, name+".json"), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		binary, err := Parse(read(t, name+".ubj"), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(binary.FeatureNames, plain.FeatureNames) || binary.Version != plain.Version {
			t.Errorf("%s: %v of XGBoost %v, want %v of %v", name, binary.FeatureNames, binary.Version, plain.FeatureNames, plain.Version)
		}
		_, rows := readGolden(t, name+".golden.json")
		for i, row := range rows {
			if got, want := binary.Ensemble.Margin(row), plain.Ensemble.Margin(row); got != want {
				t.Errorf("%s, row %d: margin %v, want %v", name, i, got, want)
			}
		}
	}
}

func TestDamagedBinaryModelsAreRefused(t *testing.T) {
	whole := read(t, "stumps.ubj")
	for name, data := range map[string][]byte{
		"more than one value":              append(slices.Clone(whole), '}'),
		"a length beyond the file":         bytes.Replace(whole, []byte("\x05trees[#L"), []byte("\x05trees[#l"), 1),
		"an array of nothing":              []byte("{i\x01a[$Z#L\x00\x00\x00\x7f\x00\x00\x00\x00}"),
		"a negative length":                []byte("{i\xffa}"),
		"a text of bytes":                  []byte("{i\x01aSi\x01\xff}"),
		"a name of bytes":                  []byte("{i\x01\xffZ}"),
		"an object that says its length":   []byte("{i\x01a{#i\x00}"),
		"a high-precision number":          []byte("{i\x01aHi\x011}"),
		"deep nesting":                     []byte("{i\x01a" + strings.Repeat("[", 1<<16)),
		"a type that is no type":           []byte("{i\x01ax}"),
		"an object that does not end":      []byte("{i\x01aZ"),
		"an array that does not end":       []byte("{i\x01a[ZZ"),
		"an array shorter than its length": []byte("{i\x01a[$d#i\x02\x00\x00\x00\x00}"),
	} {
		if _, err := Parse(data, DefaultLimits()); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), "Universal Binary JSON") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for end := range whole {
		if _, err := Parse(whole[:end], DefaultLimits()); err == nil {
			t.Fatalf("accepted %d of %d bytes", end, len(whole))
		}
	}
}

func TestValuesOfEveryTypeAreWrittenAsJSON(t *testing.T) {
	data := "{i\x01ai\xffU\x01bU\xffI\x00\x01cI\xff\xfel\x00\x00\x00\x01dl\xff\xff\xff\xfd" +
		"L\x00\x00\x00\x00\x00\x00\x00\x01eL\xff\xff\xff\xff\xff\xff\xff\xfc" +
		"i\x01fd\x3f\x99\x99\x9ai\x01gD\x3f\xf3\x33\x33\x33\x33\x33\x33i\x01hd\x7f\xc0\x00\x00i\x01jTi\x01kFi\x01lZ" +
		"i\x01mSi\x02\"\\i\x01n[TF]i\x01o[#i\x02Zi\x05i\x01p[$I#i\x02\x00\x01\x00\x02i\x01q{}i\x01r[]}"
	got, err := jsonOfUBJ([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a":-1,"b":255,"c":-2,"d":-3,"e":-4,"f":1.2,"g":1.2,"h":null,"j":true,"k":false,"l":null,` +
		`"m":"\"\\","n":[true,false],"o":[null,5],"p":[1,2],"q":{},"r":[]}`
	if string(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// FuzzUBJ looks for panics, and for output that is out of proportion to the file.
func FuzzUBJ(f *testing.F) {
	if whole, err := os.ReadFile("testdata/stumps.ubj"); err == nil {
		f.Add(whole)
	}
	f.Add([]byte("{i\x01a[$d#i\x01\x00\x00\x00\x00}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := jsonOfUBJ(data)
		if err == nil && len(out) > 6*len(data) {
			t.Fatalf("%d bytes of %d", len(out), len(data))
		}
		if _, err := Parse(data, DefaultLimits()); err == nil && isUBJ(data) && len(out) == 0 {
			t.Fatal("a model of nothing")
		}
	})
}
