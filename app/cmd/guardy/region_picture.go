package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/regionmap"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roadplan"
	"github.com/guardy-ai/guardy/domain/roads"
)

// regionPicture are the flags for the picture of a region.
type regionPicture struct {
	Picture string        `help:"Draw the region into a file: .html, .svg or .png." placeholder:"FILE"`
	Flood   string        `help:"Water on the picture (GeoJSON), instead of the request's." placeholder:"FILE"`
	Request string        `help:"Plan this evacuation request (JSON, as the API takes it) on the picture." placeholder:"FILE"`
	Budget  time.Duration `help:"Time to plan; then the best plan so far is drawn." default:"60s"`
}

// maxRequestBytes bounds the file of the request; its water is as large as one of the flood's.
const maxRequestBytes = maxFloodBytes

// Validate is called by kong.
func (c *regionPicture) Validate() error {
	if c.Picture == "" {
		if c.Flood != "" || c.Request != "" {
			return errors.New("--flood and --request need --picture")
		}
		return nil
	}
	_, err := c.writer()
	return err
}

// writer returns how the picture is written.
func (c *regionPicture) writer() (func(p *regionmap.Picture, to *bytes.Buffer) error, error) {
	switch filepath.Ext(c.Picture) {
	case ".html":
		return func(p *regionmap.Picture, to *bytes.Buffer) error { return p.WriteHTML(to) }, nil
	case ".svg":
		return func(p *regionmap.Picture, to *bytes.Buffer) error { return p.WriteSVG(to) }, nil
	case ".png":
		return func(p *regionmap.Picture, to *bytes.Buffer) error { return p.WritePNG(to) }, nil
	}
	return nil, fmt.Errorf("--picture %s: the name must end with .html, .svg or .png", c.Picture)
}

// draw draws the region, if it is asked to.
func (c *regionPicture) draw(ctx context.Context, r *region.Region) error {
	if c.Picture == "" {
		return nil
	}
	write, err := c.writer()
	if err != nil {
		return err
	}
	scene, err := c.scene(ctx, r)
	if err != nil {
		return err
	}
	picture, err := regionmap.Draw(scene)
	if err != nil {
		return err
	}
	var to bytes.Buffer
	if err := write(picture, &to); err != nil {
		return err
	}
	return os.WriteFile(c.Picture, to.Bytes(), 0o644)
}

func (c *regionPicture) scene(ctx context.Context, r *region.Region) (regionmap.Scene, error) {
	scene := regionmap.Scene{Region: r}
	if c.Flood != "" {
		water, err := readFlood(c.Flood)
		if err != nil {
			return scene, err
		}
		scene.Water = water
	}
	if c.Request == "" {
		return scene, nil
	}
	request, err := c.readRequest()
	if err != nil {
		return scene, fmt.Errorf("%s: %w", c.Request, allLines(err))
	}
	if scene.Water != nil {
		request.Flood = &evacuation.Extent{Polygons: scene.Water}
	}
	request.Canonicalize()
	if request.Flood != nil {
		scene.Water = request.Flood.Polygons
	}
	scene.Bridges = roads.Bridges(request.Bridges == evacuation.BridgesOpen)
	start := time.Now()
	ground := roadplan.New(r)
	answer := new(evacuation.Answer)
	err = evacuation.NewPlanner(ground, ground.Digest()).Plan(request, func() float64 { return spent(start, c.Budget) }, answer)
	if err == nil {
		err = ctx.Err()
	}
	scene.Request, scene.Answer = request, answer
	return scene, err
}

// readRequest returns a valid request.
func (c *regionPicture) readRequest() (*evacuation.Request, error) {
	data, err := readSmall(c.Request, maxRequestBytes)
	if err != nil {
		return nil, err
	}
	request, err := contractjson.ReadEvacuation(data)
	if err == nil {
		err = domain.Invalid("evacuation", request.Validate())
	}
	return &request, err
}
