package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	count := flag.Int("replicas", 2, "how many replicas of guardy to run")
	deploy := flag.String("deploy", "deploy", "the folder with the configuration of nginx and Prometheus")
	flag.Parse()
	if *count < 1 || *count > 64 {
		return fmt.Errorf("%d replicas cannot be run: 1 to 64", *count)
	}
	dir, err := os.MkdirTemp("", "guardy-stack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	guardy, err := build(ctx, dir)
	if err != nil {
		return err
	}
	s, err := start(ctx, options{guardy: guardy, deploy: *deploy, dir: dir, count: *count})
	if err != nil {
		return err
	}
	fmt.Printf("API and Connect  %s\ngRPC             %s\n", s.URL, s.GRPC)
	fmt.Printf("Redis            %s (answers), %s (device states)\n", s.redis.addr, s.states.addr)
	if s.Prometheus != "" {
		fmt.Printf("Prometheus       %s\n", s.Prometheus)
	}
	for i, a := range s.admins {
		fmt.Printf("replica %d        http://%s (admin)\n", i+1, a)
	}
	fmt.Printf("logs             %s\nCtrl-C ends it.\n", dir)
	<-ctx.Done()
	err = s.stop()
	fmt.Println("processor time")
	for _, p := range s.processes() {
		fmt.Printf("%-16s %.1f s\n", p.name, p.took().Seconds())
	}
	return err
}

// build compiles guardy as the image does.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "guardy")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "github.com/guardy-ai/guardy/app/cmd/guardy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build guardy: %w", err)
	}
	return path, nil
}
