package app

import (
	"context"
	"errors"
	"log/slog"
	"runtime"

	"go.uber.org/fx"

	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
)

// Core is what answers without a listener.
type Core struct {
	Models     ports.ModelCatalog
	Batch      ports.BatchAssessor
	Nowcast    ports.Nowcaster
	Anomaly    ports.AnomalyDetector
	Evacuation ports.EvacuationPlanner
	// Detector is the model behind Anomaly, for who keeps the states of devices himself.
	Detector *anomaly.Model
}

// Offline loads the models, lets use work with them, and cleans up. Neither a cache nor telemetry
// takes part: the command line asks each question once. What is known of devices ends with it.
func Offline(ctx context.Context, c config.Config, use func(Core) error) (err error) {
	c.Cache.Kind, c.Devices.Kind, c.Telemetry.Kind = "none", "memory", "none"
	c.Evacuation.Queue = runtime.GOMAXPROCS(0) // as many as ask at once: nobody is shed here
	var u *predict.UseCases
	a := fx.New(
		core(c, Build{}, slog.New(slog.DiscardHandler)),
		fx.Module("models", fx.Invoke(loadModels(false))),
		fx.Populate(&u),
	)
	if err := a.Start(ctx); err != nil {
		return Cause(err)
	}
	defer func() { err = errors.Join(err, a.Stop(context.WithoutCancel(ctx))) }()
	detector, err := u.Models.Anomaly()
	if err != nil {
		return err
	}
	return use(Core{
		Models: u.Models, Batch: u.FloodRisks, Nowcast: u.Nowcasts, Anomaly: u.Anomalies, Evacuation: u.Evacuations, Detector: detector,
	})
}
