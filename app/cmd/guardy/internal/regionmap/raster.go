package regionmap

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// WritePNG writes the picture 1600 pixels wide, for a light page.
func (p *Picture) WritePNG(w io.Writer) error {
	img := image.NewRGBA(image.Rect(0, 0, width, int(math.Ceil(p.height))))
	draw.Draw(img, img.Bounds(), image.NewUniform(colorOf(paper, 0)), image.Point{}, draw.Src)
	r := raster{img: img}
	for i := range p.layers {
		r.layer(&p.layers[i])
	}
	fonts, err := parseFonts()
	if err != nil {
		return err
	}
	for i := range p.labels {
		if err := r.label(&p.labels[i], fonts); err != nil {
			return err
		}
	}
	return png.Encode(w, img)
}

func colorOf(hex string, opacity float64) color.Color {
	c := color.NRGBA{A: 255}
	_, _ = fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B) // the colours are the program's
	if opacity > 0 {
		c.A = uint8(math.Round(255 * opacity))
	}
	return c
}

type raster struct {
	img *image.RGBA
	pen *vector.Rasterizer
}

// layer draws the union of the shapes of a layer. All of them turn the same way round, because the rasterizer
// adds windings.
func (r *raster) layer(l *layer) {
	box := image.Rectangle{}
	for _, line := range l.lines {
		for _, p := range line {
			reach := int(l.width/2) + 2
			x, y := int(p.x)/tenths, int(p.y)/tenths
			box = box.Union(image.Rect(x-reach, y-reach, x+reach+1, y+reach+1))
		}
	}
	box = box.Intersect(r.img.Bounds())
	r.pen = vector.NewRasterizer(box.Dx(), box.Dy())
	origin := [2]float64{float64(box.Min.X), float64(box.Min.Y)}
	for _, line := range l.lines {
		points := make([][2]float64, len(line))
		for i, p := range line {
			points[i] = [2]float64{float64(p.x)/tenths - origin[0], float64(p.y)/tenths - origin[1]}
		}
		if l.filled {
			r.shape(points)
		} else {
			r.stroke(points, l.width/2)
		}
	}
	r.pen.Draw(r.img, box, image.NewUniform(colorOf(l.light, l.opacity)), image.Point{})
}

func (r *raster) shape(points [][2]float64) {
	r.pen.MoveTo(float32(points[0][0]), float32(points[0][1]))
	for _, p := range points[1:] {
		r.pen.LineTo(float32(p[0]), float32(p[1]))
	}
	r.pen.ClosePath()
}

// stroke covers each piece by a rectangle and each point by a disc.
func (r *raster) stroke(points [][2]float64, radius float64) {
	for i, p := range points {
		if radius > 0.6 || i == 0 || i == len(points)-1 {
			r.disc(p, radius)
		}
		if i == 0 {
			continue
		}
		q := points[i-1]
		dx, dy := p[0]-q[0], p[1]-q[1]
		scale := radius / math.Hypot(dx, dy)
		dx, dy = dx*scale, dy*scale
		r.shape([][2]float64{{q[0] + dy, q[1] - dx}, {p[0] + dy, p[1] - dx}, {p[0] - dy, p[1] + dx}, {q[0] - dy, q[1] + dx}})
	}
}

func (r *raster) disc(centre [2]float64, radius float64) {
	corners := 8 + int(2*radius)
	points := make([][2]float64, corners)
	for i := range points {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(corners))
		points[i] = [2]float64{centre[0] + radius*cos, centre[1] + radius*sin}
	}
	r.shape(points)
}

type fonts struct{ regular, bold *opentype.Font }

func parseFonts() (f fonts, err error) {
	if f.regular, err = opentype.Parse(goregular.TTF); err != nil {
		return f, err
	}
	f.bold, err = opentype.Parse(gobold.TTF)
	return f, err
}

func (r *raster) label(t *label, f fonts) error {
	from := f.regular
	if t.bold {
		from = f.bold
	}
	face, err := opentype.NewFace(from, &opentype.FaceOptions{Size: t.size, DPI: 72})
	if err != nil {
		return err
	}
	d := font.Drawer{Dst: r.img, Face: face}
	length := d.MeasureString(t.text)
	x := fixed.Int26_6(t.x * 64)
	switch t.anchor {
	case "middle":
		x -= length / 2
	case "end":
		x -= length
	}
	write := func(dx, dy float64, hex string) {
		d.Src = image.NewUniform(colorOf(hex, 0))
		d.Dot = fixed.Point26_6{X: x + fixed.Int26_6(dx*64), Y: fixed.Int26_6((t.y + dy) * 64)}
		d.DrawString(t.text)
	}
	if t.halo {
		for i := range 12 {
			sin, cos := math.Sincos(float64(i) * math.Pi / 6)
			write(2.5*cos, 2.5*sin, paper)
		}
	}
	hex := ink
	if t.soft {
		hex = soft
	}
	write(0, 0, hex)
	return nil
}
