package flame

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// sampled is a made profile: each line is a stack, the outermost first, and its value. A comma stands between
// functions of one location, of which the later are inlined into the earlier.
func sampled(t *testing.T, stacks map[string]int64) *profile.Profile {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}}
	functions := map[string]*profile.Function{}
	for text, value := range stacks {
		s := &profile.Sample{Value: []int64{1, value}}
		for location := range strings.SplitSeq(text, " ") {
			at := &profile.Location{ID: uint64(len(p.Location) + 1)}
			for name := range strings.SplitSeq(location, ",") {
				if functions[name] == nil {
					functions[name] = &profile.Function{ID: uint64(len(functions) + 1), Name: name}
					p.Function = append(p.Function, functions[name])
				}
				at.Line = append([]profile.Line{{Function: functions[name]}}, at.Line...)
			}
			p.Location = append(p.Location, at)
			s.Location = append([]*profile.Location{at}, s.Location...)
		}
		p.Sample = append(p.Sample, s)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	return p
}

func graph(t *testing.T, stacks map[string]int64) *Graph {
	t.Helper()
	g, err := New(sampled(t, stacks), "cpu")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestTopCountsSelfAndCalls(t *testing.T) {
	g := graph(t, map[string]int64{
		"main.main a.f,b.inlined": 6e6,
		"main.main a.f":           2e6,
		"main.main a.f c.g a.f":   1e6, // recursive: a.f has it once
		"main.main gone":          -5e6,
	})
	want := `cpu, 9 ms in all
      flat   flat%        cum    cum%
      6 ms  66.67%       6 ms  66.67%  b.inlined
      3 ms  33.33%       9 ms 100.00%  a.f
      0 ns   0.00%       9 ms 100.00%  main.main
`
	if got := g.Top(3); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAKindThatIsNotThereIsAnError(t *testing.T) {
	if _, err := New(sampled(t, nil), "inuse_space"); err == nil {
		t.Error("no error")
	}
}

// The picture is one XML document that loads nothing, and a name cannot break it.
func TestThePictureIsOneFile(t *testing.T) {
	g := graph(t, map[string]int64{`main.main example.org/m.(*T[go.shape.<&"'>]).f`: 999_900, "main.main example.org/tiny.f": 100})
	svg := string(g.SVG("A <title> & more"))
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Value, "http") && a.Name.Local != "xmlns" || a.Name.Local == "href" {
					t.Errorf("%s refers to %s", e.Name.Local, a.Value)
				}
			}
		}
	}
	if !strings.Contains(svg, "m.(*T[go.shape.&lt;&amp;&#34;&#39;&gt;]).f</text>") {
		t.Error("the name of a function is missing")
	}
	if strings.Contains(svg, "tiny") {
		t.Error("a frame too narrow to see was drawn")
	}
	if empty := string(graph(t, nil).SVG("nothing")); !strings.Contains(empty, "0 ns in all") {
		t.Error("nothing was sampled, and the picture does not say so")
	}
}

func TestColoursTellWhoseCodeItIs(t *testing.T) {
	for name, want := range map[string]class{
		"github.com/guardy-ai/guardy/domain/risk.(*Model).Assess": ours, "main.main": ours,
		"runtime.mallocgc": goRuntime, "internal/runtime/maps.(*Map).get": goRuntime, "aeshashbody": goRuntime, "all": goRuntime,
		"net/http.(*conn).serve": standard, "syscall.Syscall": standard,
		"github.com/valyala/fasthttp.(*Server).serveConn": thirdParty, "gonum.org/v1/gonum/mat.Dot": thirdParty,
	} {
		if got := classOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got.label, want.label)
		}
	}
}

func FuzzNamesNeverBreakThePicture(f *testing.F) {
	f.Add("a/b.(*T[x/y]).f")
	f.Add("]]>\x00<")
	f.Fuzz(func(t *testing.T, name string) {
		g := &Graph{Kind: "cpu", Unit: "nanoseconds", root: &frame{name: "all"}, functions: map[string]*function{}}
		g.add([]string{name}, 1e6)
		for d := xml.NewDecoder(strings.NewReader(string(g.SVG(name)))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
