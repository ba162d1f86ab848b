package regionmap

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
	"github.com/guardy-ai/guardy/domain/region"
)

// WriteSVG writes the picture alone, for a light page.
func (p *Picture) WriteSVG(w io.Writer) error {
	var c svg.Canvas
	c.Open(width, p.height, p.heading[0])
	p.elements(&c)
	c.Close()
	_, err := io.WriteString(w, c.String())
	return err
}

// elements writes the layers in tenths of a pixel, and the texts.
func (p *Picture) elements(c *svg.Canvas) {
	c.Printf(`<g transform="scale(%g)" fill="none" stroke-linecap="round" stroke-linejoin="round">`, 1.0/tenths)
	var d []byte
	for i := range p.layers {
		l := &p.layers[i]
		paint := fmt.Sprintf(`stroke="%s" stroke-width="%.0f"`, l.light, l.width*tenths)
		if l.filled {
			paint = fmt.Sprintf(`fill="%s"`, l.light)
		}
		if l.opacity > 0 {
			paint += fmt.Sprintf(` opacity="%g"`, l.opacity)
		}
		d = d[:0]
		for _, line := range l.lines {
			d = appendLine(d, line, l.filled)
		}
		c.Printf(`<path class="%s" %s d="%s"/>`, l.class, paint, d)
	}
	c.Printf(`</g>`)
	for i := range p.labels {
		t := &p.labels[i]
		attributes := fmt.Sprintf(`font-size="%g" class="text" fill="%s"`, t.size, ink)
		if t.soft {
			attributes = fmt.Sprintf(`font-size="%g" class="soft" fill="%s"`, t.size, soft)
		}
		if t.bold {
			attributes += ` font-weight="bold"`
		}
		if t.halo {
			attributes += fmt.Sprintf(` stroke="%s" stroke-width="5" stroke-linejoin="round" paint-order="stroke"`, paper)
		}
		c.Text(t.x, t.y, t.anchor, attributes, t.text)
	}
}

// soft is the colour of lesser texts.
const soft, softDark = "#5d6670", "#9aa5b1"

// appendLine appends the path of a line: its first point, and the steps from each to the next.
func appendLine(d []byte, l line, closed bool) []byte {
	d = append(d, 'M')
	d = appendPair(d, l[0].x, l[0].y)
	if len(l) == 1 {
		return append(d, "h0"...)
	}
	for i := 1; i < len(l); i++ {
		if i == 1 {
			d = append(d, 'l')
		} else if l[i].x >= l[i-1].x {
			d = append(d, ' ') // a minus parts numbers by itself
		}
		d = appendPair(d, l[i].x-l[i-1].x, l[i].y-l[i-1].y)
	}
	if closed {
		d = append(d, 'z')
	}
	return d
}

func appendPair(d []byte, x, y int32) []byte {
	d = strconv.AppendInt(d, int64(x), 10)
	if y >= 0 {
		d = append(d, ' ')
	}
	return strconv.AppendInt(d, int64(y), 10)
}

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// WriteHTML writes a page with the picture and the figures. It loads nothing and runs no script.
func (p *Picture) WriteHTML(w io.Writer) error {
	var c svg.Canvas
	c.Printf(`<svg class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" font-family="Helvetica, Arial, sans-serif">`, width, p.height)
	p.elements(&c)
	c.Close()
	return pageTemplate.Execute(w, map[string]any{
		"Title": p.heading[0], "Lines": p.heading[1:], "Figures": p.figures, "Notes": p.notes, "Attribution": region.Attribution,
		"Picture": template.HTML(c.String()), "Dark": template.CSS(p.dark()),
	})
}

// dark returns the rules that recolour the picture.
func (p *Picture) dark() string {
	var b strings.Builder
	seen := map[string]bool{}
	for i := range p.layers {
		l := &p.layers[i]
		if seen[l.class] || l.dark == l.light {
			continue
		}
		seen[l.class] = true
		property := "stroke"
		if l.filled {
			property = "fill"
		}
		fmt.Fprintf(&b, ".map .%s{%s:%s}\n", l.class, property, l.dark)
	}
	fmt.Fprintf(&b, ".map .text{fill:%s}\n.map .soft{fill:%s}\n.map text[stroke]{stroke:%s}\n", inkDark, softDark, paperDark)
	return b.String()
}
