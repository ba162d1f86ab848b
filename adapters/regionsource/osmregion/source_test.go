package osmregion

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/adapters/regionsource/internal/eldermere"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
	"github.com/guardy-ai/guardy/ports/regionsourcetest"
)

const town = "testdata/eldermere/"

// Places on either side of the river.
var (
	southBank = geo.Point{Lon: -30, Lat: 43.9935}
	northBank = geo.Point{Lon: -30, Lat: 44.0065}
)

func TestTheTownIsWhatItsGeneratorMakes(t *testing.T) {
	for name, want := range eldermere.Files() {
		if got, err := os.ReadFile(town + name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs (%v); run go generate ./adapters/regionsource/osmregion", name, err)
		}
	}
}

func open(t testing.TB, cfg Config) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	regionsourcetest.Run(t, regionsourcetest.Sources{
		Region: open(t, Config{town + "roads.osm.pbf", town + "shelters.geojson", town + "population.csv"}),
		Roads:  open(t, Config{OSM: town + "roads.osm.pbf"}),
		None:   open(t, Config{}),
		Absent: open(t, Config{OSM: town + "nowhere.osm.pbf"}),
		Broken: open(t, Config{OSM: town + "README.md"}),
	})
}

func load(t testing.TB, cfg Config) *region.Region {
	t.Helper()
	r, err := open(t, cfg).LoadRegion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// write returns the path of a new file.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheTownIsLoaded(t *testing.T) {
	r := load(t, Config{town + "roads.osm.pbf", town + "shelters.geojson", town + "population.csv"})
	if n := r.Defects.Total(); n != 0 {
		t.Errorf("%d defects: %+v", n, r.Defects.Listed)
	}
	if len(r.Shelters) != 6 || r.Shelters[0].ID != "hill-school" || r.Shelters[0].Name != "Hill School" || r.Shelters[0].Capacity != 900 ||
		!slices.Equal(r.Shelters[0].Resources, []string{"water", "beds", "first aid"}) || r.Shelters[0].Contact != "made up" {
		t.Errorf("shelters %+v", r.Shelters)
	}
	if r.Shelters[4].Capacity != region.CapacityUnknown {
		t.Errorf("the chapel has %d places", r.Shelters[4].Capacity)
	}
	if len(r.People.Cells()) != 120 || r.People.Total() != 5229 {
		t.Errorf("%d cells, %g persons", len(r.People.Cells()), r.People.Total())
	}
}

func TestTheViaductIsTheWayOverTheWater(t *testing.T) {
	r := load(t, Config{OSM: town + "roads.osm.pbf"})
	n, area := r.Roads, floodsOf(t, town+"flood.geojson")["eldermere_banks"]
	south, _ := n.Snap(southBank)
	north, _ := n.Snap(northBank)
	if _, ok := n.Route(south.Place, north.Place, n.Flood(area, roads.BridgesClosed), nil); ok {
		t.Error("with bridges closed there is a way over the river")
	}
	route, ok := n.Route(south.Place, north.Place, n.Flood(area, roads.BridgesOpen), nil)
	if !ok || !slices.ContainsFunc(route.Steps, func(s roads.Step) bool { return n.Way(s.Segment()).Bridge }) {
		t.Errorf("with bridges open: %v, %+v", ok, route)
	}
}

// TestShelters has one feature a case. Pointers are relative to it.
func TestShelters(t *testing.T) {
	const here = `"geometry":{"type":"Point","coordinates":[-30,44.0021]}`
	for _, c := range []struct {
		name, feature string
		pointer, code string // empty where it is a shelter
	}{
		{"everything", `{"type":"Feature",` + here + `,"properties":{"id":"a","name":"A","capacity":5,"resources":["x"],"contact":"c"}}`, "", ""},
		{"nothing but the place", `{"type":"Feature",` + here + `,"properties":null}`, "", ""},
		{"capacity null", `{"type":"Feature",` + here + `,"properties":{"capacity":null}}`, "", ""},
		{"capacity 0", `{"type":"Feature",` + here + `,"properties":{"capacity":0}}`, "", ""},
		{"an altitude", `{"type":"Feature","geometry":{"type":"Point","coordinates":[-30,44.0021,12.5]},"properties":{}}`, "", ""},
		{"resources as one text", `{"type":"Feature",` + here + `,"properties":{"resources":"water; beds"}}`, "", ""},
		{"an unknown property", `{"type":"Feature",` + here + `,"properties":{"kind":"school"}}`, "", ""},
		{"a negative capacity", `{"type":"Feature",` + here + `,"properties":{"capacity":-5}}`, "/properties/capacity", domain.CodeRange},
		{"the mark for unknown", `{"type":"Feature",` + here + `,"properties":{"capacity":-1}}`, "/properties/capacity", domain.CodeRange},
		{"half a person", `{"type":"Feature",` + here + `,"properties":{"capacity":2.5}}`, "/properties/capacity", domain.CodeType},
		{"a capacity in words", `{"type":"Feature",` + here + `,"properties":{"capacity":"many"}}`, "/properties/capacity", domain.CodeType},
		{"a huge capacity", `{"type":"Feature",` + here + `,"properties":{"capacity":99999999999}}`, "/properties/capacity", domain.CodeRange},
		{"a name of numbers", `{"type":"Feature",` + here + `,"properties":{"name":5}}`, "/properties/name", domain.CodeType},
		{"resources of numbers", `{"type":"Feature",` + here + `,"properties":{"resources":[1]}}`, "/properties/resources", domain.CodeType},
		{"outside the region", `{"type":"Feature","geometry":{"type":"Point","coordinates":[-31,44]},"properties":{}}`, "/geometry/coordinates", domain.CodeRange},
		{"latitude first", `{"type":"Feature","geometry":{"type":"Point","coordinates":[44,-30]},"properties":{}}`, "/geometry/coordinates", domain.CodeRange},
		{"no place on Earth", `{"type":"Feature","geometry":{"type":"Point","coordinates":[-30,144]},"properties":{}}`, "/geometry/coordinates", domain.CodeRange},
		{"no number", `{"type":"Feature","geometry":{"type":"Point","coordinates":["-30",44]},"properties":{}}`, "/geometry/coordinates/0", domain.CodeType},
		{"null", `{"type":"Feature","geometry":{"type":"Point","coordinates":[null,44]},"properties":{}}`, "/geometry/coordinates/0", domain.CodeType},
		{"one number", `{"type":"Feature","geometry":{"type":"Point","coordinates":[-30]},"properties":{}}`, "/geometry/coordinates", domain.CodeSize},
		{"no geometry", `{"type":"Feature","geometry":null,"properties":{}}`, "/geometry", domain.CodeRequired},
		{"an area", `{"type":"Feature","geometry":{"type":"Polygon","coordinates":[]},"properties":{}}`, "/geometry/type", domain.CodeFormat},
		{"no feature", `{"type":"Point","coordinates":[-30,44]}`, "/type", domain.CodeFormat},
		{"a number", `5`, "", domain.CodeType},
	} {
		r := load(t, Config{OSM: town + "roads.osm.pbf", Shelters: write(t, "s.geojson", `{"type":"FeatureCollection","features":[`+c.feature+`]}`)})
		got := r.Defects.Listed
		switch {
		case c.code == "" && (len(got) > 0 || len(r.Shelters) != 1):
			t.Errorf("%s: %+v", c.name, got)
		case c.code != "" && (len(got) != 1 || got[0].Pointer != "/features/0"+c.pointer || got[0].Code != c.code || len(r.Shelters) != 0):
			t.Errorf("%s: %+v, %d shelters; want %s at %s", c.name, got, len(r.Shelters), c.code, c.pointer)
		}
	}
}

func TestShelterIDs(t *testing.T) {
	const feature = `{"type":"Feature",%%"geometry":{"type":"Point","coordinates":[-30,44.002%%]},"properties":{%%}}`
	make3 := func(top, digit, properties string) string {
		f := feature
		for _, v := range []string{top, digit, properties} {
			f = strings.Replace(f, "%%", v, 1)
		}
		return f
	}
	text := `{"type":"FeatureCollection","features":[` + strings.Join([]string{
		make3(`"id":7,`, "1", `"id":"a"`), make3(`"id":7,`, "2", `"osm_id":"way/5"`), make3(`"id":7,`, "3", ``), make3(``, "4", ``),
		make3(``, "5", `"id":"a"`), make3(``, "6", `"name":"Hall"`), make3(``, "6", `"name":"Hall"`), make3(``, "6", `"name":"Other hall"`),
	}, ",") + `]}`
	r := load(t, Config{OSM: town + "roads.osm.pbf", Shelters: write(t, "s.geojson", text)})
	var ids []string
	for _, s := range r.Shelters {
		ids = append(ids, s.ID)
	}
	if want := []string{"a", "way/5", "7", "features/3", "features/5", "features/7"}; !slices.Equal(ids, want) {
		t.Errorf("ids %q, want %q", ids, want)
	}
	if d := r.Defects.Listed; len(d) != 2 || d[0].Pointer != "/features/4/properties/id" || d[1].Pointer != "/features/6" {
		t.Errorf("defects %+v", d)
	}
}

func TestPopulation(t *testing.T) {
	r := load(t, Config{OSM: town + "roads.osm.pbf", Population: write(t, "p.csv", "\xef\xbb\xbf"+`id,Name,persons,lat , longitude
1,"two
lines",3.5,44,-30
2,text,many,44,-30
3,empty,,44,-30
4,short
5,far,2,444,-30
6,negative,-2,44,-30
7,infinite,Inf,x,-30
8,quote,1,44",-30
9,good,2,44.001,-30
`)})
	if len(r.People.Cells()) != 2 || r.People.Total() != 5.5 {
		t.Errorf("cells %+v", r.People.Cells())
	}
	var got []string
	for _, d := range r.Defects.Listed {
		got = append(got, d.Pointer+" "+d.Code)
	}
	want := []string{
		"/lines/4/population type", "/lines/5/population type", "/lines/6 size", "/lines/7/lat range", "/lines/8/population range",
		"/lines/9/lat type", "/lines/9/population type", "/lines/10 syntax",
	}
	if !slices.Equal(got, want) {
		t.Errorf("defects %q, want %q", got, want)
	}
}

func TestFilesThatMeanNothingAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, shelters, population, want string
	}{
		{"no JSON", "{\n\"type\"", "", "line 2 is not JSON"},
		{"something behind", `{"type":"FeatureCollection","features":[]} {}`, "", "not JSON"},
		{"a name twice", `{"type":"FeatureCollection","type":"x","features":[]}`, "", "not JSON"},
		{"no collection", `{"type":"Feature"}`, "", "FeatureCollection"},
		{"another crs", `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"EPSG:31467"}},"features":[]}`, "", "EPSG:31467"},
		{"features of another type", `{"type":"FeatureCollection","features":5}`, "", "FeatureCollection"},
		{"an empty file", "", " ", "no column"},
		{"no column", "", "lon,lat,pop\n", "no column population"},
		{"a column twice", "", "lon,lat,population,persons\n", "twice"},
		{"semicolons", "", "lon;lat;population\n", "commas"},
		{"a broken header", "", "lon,\"lat\n", "not CSV"},
	} {
		cfg := Config{OSM: town + "roads.osm.pbf"}
		if c.population != "" {
			cfg.Population = write(t, "p.csv", c.population)
		} else {
			cfg.Shelters = write(t, "s.geojson", c.shelters)
		}
		_, err := open(t, cfg).LoadRegion(t.Context())
		if domain.KindOf(err) != domain.KindInvalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRoadsThatAreCutOffAreRefused(t *testing.T) {
	whole, err := os.ReadFile(town + "roads.osm.pbf")
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t, Config{OSM: write(t, "r.osm.pbf", string(whole[:len(whole)-9]))}).LoadRegion(t.Context())
	if domain.KindOf(err) != domain.KindInvalid || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	for path, want := range map[string]domain.Kind{t.TempDir(): domain.KindInvalid, town + "nowhere": domain.KindNotFound} {
		if _, err := open(t, Config{OSM: path}).LoadRegion(t.Context()); domain.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestLoadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, Config{OSM: town + "roads.osm.pbf"}).LoadRegion(ctx); domain.KindOf(err) != domain.KindCanceled {
		t.Errorf("%v", err)
	}
}

func TestConfigNeedsRoads(t *testing.T) {
	if _, err := New(Config{Shelters: "s", Population: "p"}); err == nil || !strings.Contains(err.Error(), "shelters:") || !strings.Contains(err.Error(), "population:") {
		t.Errorf("%v", err)
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzShelters looks for bytes that panic, and for shelters that cannot be.
func FuzzShelters(f *testing.F) {
	n := load(f, Config{OSM: town + "roads.osm.pbf"}).Roads
	text, err := os.ReadFile(town + "shelters.geojson")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[-30,44,null]},"properties":{"id":1e9,"resources":"a;b","capacity":1e3}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := region.NewCollector(n, roads.Report{})
		if err := readShelters(data, c); err != nil {
			return
		}
		regionsourcetest.CheckRegion(t, c.Region())
	})
}

// FuzzPopulation looks for bytes that panic, and for people who cannot be.
func FuzzPopulation(f *testing.F) {
	n := load(f, Config{OSM: town + "roads.osm.pbf"}).Roads
	f.Add([]byte("lon,lat,population\n-30,44,12\n"))
	f.Add([]byte("\xef\xbb\xbfpersons,latitude,longitude,\"x\"\r\n1e3,44,-30,\"a\"\"b\"\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := region.NewCollector(n, roads.Report{})
		if err := readPopulation(t.Context(), bytes.NewReader(data), c); err != nil {
			return
		}
		r := c.Region()
		regionsourcetest.CheckRegion(t, r)
		if math.IsNaN(r.People.Total()) {
			t.Error("the total is no number")
		}
	})
}
