package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	yaml "go.yaml.in/yaml/v3"

	"github.com/guardy-ai/guardy/domain/anomaly"
)

// maxLimits is far above the limits of a hundred thousand devices.
const maxLimits = 64 << 20

// DeviceLimits reads the file that devices.limits names; without one there are no limits beside the model's.
// The error has every problem, each with its key.
func (c Config) DeviceLimits() (anomaly.Overrides, error) {
	if c.Devices.Limits == "" {
		return anomaly.Overrides{}, nil
	}
	o, err := readLimits(c.Devices.Limits)
	var errs []error
	for _, err := range flatten(err) {
		errs = append(errs, fmt.Errorf("devices.limits: %w", err))
	}
	return o, errors.Join(errs...)
}

func readLimits(path string) (anomaly.Overrides, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxLimits {
		err = fmt.Errorf("%d bytes are more than the %d that are allowed", info.Size(), maxLimits)
	}
	if err != nil {
		return anomaly.Overrides{}, fmt.Errorf("%s: %s", path, cause(err))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return anomaly.Overrides{}, fmt.Errorf("%s: %s", path, cause(err))
	}
	o, err := parseLimits(data)
	if err != nil {
		var errs []error
		for _, err := range flatten(err) {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
		return anomaly.Overrides{}, errors.Join(errs...)
	}
	return o, nil
}

// parseLimits reads one YAML document, or JSON, which YAML contains, and tries the limits out.
func parseLimits(data []byte) (o anomaly.Overrides, err error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var wrong *yaml.TypeError
	switch err := d.Decode(&o); {
	case errors.Is(err, io.EOF): // an empty file
	case errors.As(err, &wrong):
		var errs []error
		for _, text := range wrong.Errors {
			text, _, _ = strings.Cut(text, " in type ") // ours, which nobody knows
			errs = append(errs, errors.New(text))
		}
		return o, errors.Join(errs...)
	case err != nil:
		return o, errors.New(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if !errors.Is(d.Decode(new(any)), io.EOF) {
		return o, errors.New("there is something after the first document")
	}
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err == nil {
		_, err = m.WithOverrides(o)
	}
	return o, err
}
