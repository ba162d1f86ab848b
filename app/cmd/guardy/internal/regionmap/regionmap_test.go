package regionmap_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/regionmap"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roadplan"
	"github.com/guardy-ai/guardy/domain/roads"
)

// town returns the fictional town under its flood, planned for the radii, if there are any.
func town(t *testing.T, radii ...float64) regionmap.Scene {
	t.Helper()
	const dir = "../../../../../adapters/regionsource/osmregion/testdata/eldermere"
	source, err := osmregion.New(osmregion.Config{
		OSM: filepath.Join(dir, "roads.osm.pbf"), Shelters: filepath.Join(dir, "shelters.geojson"), Population: filepath.Join(dir, "population.csv"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := source.LoadRegion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "flood.geojson"))
	if err != nil {
		t.Fatal(err)
	}
	water, err := contractjson.ReadFlood(data, geo.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s := regionmap.Scene{Region: r, Water: water}
	if len(radii) == 0 {
		return s
	}
	request := evacuation.NewRequest()
	request.Latitude, request.Longitude, request.FloodProbability, request.RiskLevel = 44, -30, 0.8, "high"
	request.LocationName, request.Radii, request.Flood = `<b>"Eldermere" & co`, radii, &evacuation.Extent{Polygons: water}
	request.Canonicalize()
	s.Request, s.Answer = &request, new(evacuation.Answer)
	if err := evacuation.NewPlanner(roadplan.New(r), "").Plan(s.Request, func() float64 { return 0 }, s.Answer); err != nil {
		t.Fatal(err)
	}
	return s
}

func draw(t *testing.T, s regionmap.Scene, write func(p *regionmap.Picture, w io.Writer) error) string {
	t.Helper()
	p, err := regionmap.Draw(s)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(p, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// classesOf returns the classes of the elements of a picture, which must be well formed.
func classesOf(t *testing.T, text string) map[string]bool {
	t.Helper()
	classes := map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return classes
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					classes[a.Value] = true
				}
			}
		}
	}
}

func TestAPictureShowsEverything(t *testing.T) {
	text := draw(t, town(t, 600, 1200), (*regionmap.Picture).WriteSVG)
	classes := classesOf(t, text)
	for _, class := range []string{
		"land", "water", "shore", "people", "road-2", "road-3", "road-4", "road-5", "blocked", "zone", "centre", "casing", "route",
		"shelter-open", "shelter-full", "shelter-flooded", "frame", "scale",
	} {
		if !classes[class] {
			t.Errorf("the picture has no %s", class)
		}
	}
	for _, says := range []string{"people reach a shelter in", "have no route", "proven bound", "gap", "&lt;b&gt;", region.Attribution} {
		if !strings.Contains(text, says) {
			t.Errorf("the picture does not say %q", says)
		}
	}

	dry := town(t)
	dry.Water = nil
	classes = classesOf(t, draw(t, dry, (*regionmap.Picture).WriteSVG))
	for _, class := range []string{"water", "blocked", "zone", "route", "shelter-flooded"} {
		if classes[class] {
			t.Errorf("a picture without water and plan has a %s", class)
		}
	}
	if !classes["road-3"] || !classes["shelter-open"] || !classes["people"] {
		t.Errorf("roads, shelters or people are not there: %v", classes)
	}
}

var (
	paths  = regexp.MustCompile(`class="([a-z0-9-]+)"[^>]* d="([^"]+)"`)
	number = regexp.MustCompile(`[Mlhz]|-?\d+`)
	canvas = regexp.MustCompile(`viewBox="0 0 (\d+) ([\d.]+)"`)
)

// placesOf yields the points of a path that regionmap writes.
func placesOf(d string, visit func(x, y int)) {
	var x, y int
	relative := false
	tokens := number.FindAllString(d, -1)
	for i := 0; i < len(tokens); i++ {
		switch tokens[i] {
		case "M":
			relative, x, y = false, 0, 0
			continue
		case "l":
			continue
		case "h":
			i++
			continue
		case "z":
			continue
		}
		a, _ := strconv.Atoi(tokens[i])
		b, _ := strconv.Atoi(tokens[i+1])
		i++
		if relative {
			x, y = x+a, y+b
		} else {
			x, y = a, b
		}
		relative = true
		visit(x, y)
	}
}

// TestNothingIsOutsideTheFrame looks at a picture that shows a part of the town, and at one of all of it.
func TestNothingIsOutsideTheFrame(t *testing.T) {
	for _, s := range []regionmap.Scene{town(t, 100), town(t)} {
		text := draw(t, s, (*regionmap.Picture).WriteSVG)
		size := canvas.FindStringSubmatch(text)
		height, _ := strconv.Atoi(size[2])
		left, top, right, bottom := math.MaxInt, math.MaxInt, 0, 0
		found := paths.FindAllStringSubmatch(text, -1)
		for _, path := range found {
			if path[1] == "frame" {
				placesOf(path[2], func(x, y int) {
					left, top, right, bottom = min(left, x), min(top, y), max(right, x), max(bottom, y)
				})
			}
		}
		drawn := 0
		for _, path := range found {
			placesOf(path[2], func(x, y int) {
				drawn++
				legend := y > bottom && y < 10*height // the same signs stand in the legend
				if x < left || x > right || y < top || y > bottom && !legend {
					t.Fatalf("%s: %d, %d is outside", path[1], x, y)
				}
			})
		}
		if drawn < 100 {
			t.Errorf("%d points are nothing", drawn)
		}
	}
}

func TestAPageNeedsNothingElse(t *testing.T) {
	text := draw(t, town(t, 600, 1200), (*regionmap.Picture).WriteHTML)
	for _, says := range []string{"<svg", "people served", "proven lower bound", "prefers-color-scheme: dark", ".map .blocked{stroke:", "Assumptions", region.Attribution} {
		if !strings.Contains(text, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	for _, no := range []string{"<script", "<b>\"", "src=", "@import", "url("} {
		if strings.Contains(text, no) {
			t.Errorf("the page has %q", no)
		}
	}
	svg := text[strings.Index(text, "<svg") : strings.Index(text, "</svg>")+6]
	classesOf(t, svg)
}

func TestAnImageShowsWhatTheVectorsSay(t *testing.T) {
	s := town(t, 600, 1200)
	data := draw(t, s, (*regionmap.Picture).WritePNG)
	img, err := png.Decode(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds().Dx() != 1600 {
		t.Errorf("the image is %d wide", img.Bounds().Dx())
	}
	// The colours of water, closed roads, routes and open shelters cover something.
	count := map[[3]uint32]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			count[[3]uint32{r >> 8, g >> 8, b >> 8}]++
		}
	}
	for name, c := range map[string][3]uint32{
		"water": {0xcf, 0xe4, 0xf5}, "closed roads": {0xdd, 0x3b, 0x4f}, "routes": {0x4a, 0x2f, 0xa5}, "open shelters": {0x15, 0x80, 0x3d},
	} {
		if count[c] < 100 {
			t.Errorf("%s cover %d pixels", name, count[c])
		}
	}
}

// TestALargeNetworkStaysSmall draws a crooked grid of 249 250 segments.
func TestALargeNetworkStaysSmall(t *testing.T) {
	const columns, rows, most = 500, 250, 8 << 20
	b := roads.NewBuilder()
	id := func(x, y int) int64 { return int64(y*columns + x + 1) }
	tags := roads.Tags{{Key: "highway", Value: "residential"}}
	for y := range rows {
		street := roads.Way{ID: int64(y + 1), Tags: tags}
		for x := range columns {
			street.Nodes = append(street.Nodes, id(x, y))
		}
		b.AddWay(&street)
	}
	for x := range columns {
		street := roads.Way{ID: int64(rows + x + 1), Tags: tags}
		for y := range rows {
			street.Nodes = append(street.Nodes, id(x, y))
		}
		b.AddWay(&street)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for y := range rows {
		for x := range columns {
			b.AddNode(&roads.Node{ID: id(x, y), Point: geo.Point{
				Lon: -30 + 5e-4*(float64(x)+0.5*random.Float64()), Lat: 1 + 5e-4*(float64(y)+0.5*random.Float64()),
			}})
		}
	}
	n, report, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := regionmap.Scene{Region: region.NewCollector(n, report).Region()}
	for name, write := range map[string]func(*regionmap.Picture, io.Writer) error{
		"SVG": (*regionmap.Picture).WriteSVG, "PNG": (*regionmap.Picture).WritePNG,
	} {
		size := len(draw(t, s, write))
		t.Logf("%s: %d segments, %d bytes", name, n.NumSegments(), size)
		if size > most {
			t.Errorf("%d segments make an %s of %d bytes", n.NumSegments(), name, size)
		}
	}
}

func TestARegionWithoutRoadsIsNoPicture(t *testing.T) {
	s := town(t)
	empty := *s.Region
	empty.Roads = new(roads.Network)
	s.Region = &empty
	if _, err := regionmap.Draw(s); err == nil {
		t.Error("nothing was drawn without an error")
	}
}
