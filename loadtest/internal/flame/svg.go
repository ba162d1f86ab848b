package flame

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed flame.js
var script string

const (
	width  = 1200.0
	margin = 10.0
	head   = 64.0
	row    = 18.0
	least  = 0.3 // width below which a frame and what it calls is left out
)

// class is whose code a frame is, which its colour tells.
type class struct{ label, colour string }

var (
	ours       = class{"Guardy", "#f4a261"}
	standard   = class{"standard library", "#a8cfe0"}
	goRuntime  = class{"Go runtime", "#d0d0d0"}
	thirdParty = class{"other modules", "#b9d8a4"}
	classes    = []class{ours, thirdParty, standard, goRuntime}
)

// classOf tells by the path of the package: that of a module begins with a domain name.
func classOf(name string) class {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case strings.HasPrefix(name, "github.com/guardy-ai/") || strings.HasPrefix(name, "main."):
		return ours
	case strings.HasPrefix(name, "runtime") || strings.HasPrefix(name, "internal/runtime") || !strings.Contains(name, "."):
		return goRuntime
	case first != name && strings.Contains(first, "."):
		return thirdParty
	}
	return standard
}

// SVG draws the graph, the outermost function on top.
func (g *Graph) SVG(title string) []byte {
	d := drawing{g: g, scale: (width - 2*margin) / float64(max(1, g.root.value))}
	d.frame(g.root, margin, 0)
	height := head + float64(d.deepest+1)*row + margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="100%%" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", escaped(title))
	b.WriteString("<style>.f{cursor:pointer}.f rect{stroke:#fff;stroke-width:.6}.f text{pointer-events:none}.f:hover rect{stroke:#000}" +
		".found rect{fill:#e05cc0}.above{opacity:.55}.gone{display:none}</style>\n")
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%g" y="22" font-size="16">%s</text>`+"\n", margin, escaped(title))
	fmt.Fprintf(&b, `<text x="%g" y="40" fill="#555">%s</text>`+"\n", margin, escaped(
		fmt.Sprintf("%s, %s in all; width is share. A click zooms, Escape returns, / searches.", g.Kind, g.format(g.root.value))))
	fmt.Fprintf(&b, `<text id="said" x="%g" y="58" fill="#a03080"></text>`+"\n", margin)
	x := width - margin
	for _, c := range slices.Backward(classes) {
		x -= 7*float64(len(c.label)) + 26
		fmt.Fprintf(&b, `<rect x="%g" y="13" width="12" height="12" fill="%s"/><text x="%g" y="23">%s</text>`+"\n", x, c.colour, x+17, c.label)
	}
	b.Write(d.frames.Bytes())
	fmt.Fprintf(&b, "<script><![CDATA[\nconst margin = %g, width = %g;\n%s]]></script>\n</svg>\n", margin, width-2*margin, script)
	return b.Bytes()
}

type drawing struct {
	g       *Graph
	scale   float64
	frames  bytes.Buffer
	deepest int
}

func (d *drawing) frame(f *frame, x float64, depth int) {
	w := float64(f.value) * d.scale
	if w < least && depth > 0 {
		return
	}
	d.deepest = max(d.deepest, depth)
	y := head + float64(depth)*row
	name := escaped(f.name)
	fmt.Fprintf(&d.frames, `<g class="f" data-x="%.3f" data-w="%.3f" data-n="%s"><title>%[3]s
%s, %.2f %%</title><rect x="%.2f" y="%g" width="%.2f" height="%g" rx="2" fill="%s"/><text x="%.2f" y="%g">%s</text></g>`+"\n",
		x, w, name, escaped(d.g.format(f.value)), d.g.share(f.value),
		x, y, w, row-1, classOf(f.name).colour, x+3, y+13, escaped(fitted(short(f.name), w)))
	for _, c := range slices.SortedFunc(maps.Values(f.calls), func(a, b *frame) int {
		return cmp.Or(cmp.Compare(b.value, a.value), strings.Compare(a.name, b.name))
	}) {
		d.frame(c, x, depth+1)
		x += float64(c.value) * d.scale
	}
}

// short leaves the folders of the package out.
func short(name string) string {
	generic := strings.IndexByte(name, '[') // a type's path would be taken for the function's
	if generic < 0 {
		generic = len(name)
	}
	return name[strings.LastIndexByte(name[:generic], '/')+1:]
}

// fitted cuts a name to what a width shows; flame.js does the same after a zoom.
func fitted(name string, w float64) string {
	letters := []rune(name)
	switch n := int((w - 6) / 6.3); {
	case n >= len(letters):
		return name
	case n < 3:
		return ""
	default:
		return string(letters[:n-1]) + "…"
	}
}

// escaped also replaces what XML cannot hold.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
