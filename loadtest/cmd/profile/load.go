package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

const (
	// idle is the number of requests in a second below which a service is taken to have no load. Probes and
	// scrapes come more seldom.
	idle = 5
	// flowing is the number of requests after which a load has begun.
	flowing = 100
	// loadWithin bounds the start of k6, which takes seconds on a busy machine.
	loadWithin = time.Minute
)

// underLoad starts a load unless there is one. stop ends it, and reports a load that had failed before.
func underLoad(ctx context.Context, s *service.Service, o options) (stop func() error, err error) {
	none := func() error { return nil }
	if o.load.Scenario == "none" {
		return none, nil
	}
	before, err := requests(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("ask the admin listener: %w", err)
	}
	if !s.StartedHere() {
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
		now, err := requests(ctx, s)
		if err != nil {
			return nil, err
		}
		if now-before >= idle {
			fmt.Printf("the service is under load: %d requests in a second\n", now-before)
			return none, nil
		}
	}
	program, err := k6.Build(ctx)
	if err != nil {
		return nil, err
	}
	o.load.Duration = time.Duration(o.seconds)*time.Second + 2*loadWithin // it is stopped sooner
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	var failed error
	go func() {
		defer close(ended)
		_, _, failed = program.Run(running, o.load, s)
	}()
	stop = func() error {
		defer cancel()
		select {
		case <-ended:
			return errors.Join(errors.New("the load ended before the profile"), failed)
		default:
		}
		cancel()
		<-ended // with the news that it was interrupted
		return nil
	}
	if err := awaitFlow(ctx, s, before); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// awaitFlow returns once the service has answered a number of requests more than before.
func awaitFlow(ctx context.Context, s *service.Service, before uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, loadWithin, errors.New("no load reaches the service"))
	defer cancel()
	for {
		now, err := requests(ctx, s)
		if err == nil && now >= before+flowing {
			return nil
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// requests is how many the service has answered so far.
func requests(ctx context.Context, s *service.Service) (uint64, error) {
	var view struct {
		Requests struct {
			Total uint64 `json:"total"`
		} `json:"requests"`
	}
	err := service.Get(ctx, s.Admin+"/runtime", &view)
	return view.Requests.Total, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
