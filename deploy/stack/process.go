package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// process is one program of the stack, which can be started again after it has ended.
type process struct {
	name string
	path string
	args []string
	env  []string
	// ready reports whether the program answers.
	ready func(ctx context.Context) bool
	log   string // file that gets what it says
	addr  string // host and port, where others need them

	cmd  *exec.Cmd
	exit chan struct{}
}

// patience bounds waiting for a program to come up or to end. It is reached only when something is broken.
const patience = 30 * time.Second

// start runs the program and waits until it answers.
func (p *process) start(ctx context.Context) error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	// The program is ended by stop and kill, in an order that loses nothing, and not by the end of ctx.
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), p.path, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// A Ctrl-C in the terminal is for the stack alone, which then ends its programs one by one.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	exit := make(chan struct{})
	p.exit = exit
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(exit) }(p.cmd)

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !p.ready(ctx) {
		select {
		case <-exit:
			return fmt.Errorf("%s ended at once:\n%s", p.name, p.said())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer:\n%s", p.name, p.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// said returns the end of what the program wrote.
func (p *process) said() string {
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-2000):])
}

// stop asks the program to end and waits until it has.
func (p *process) stop() error { return p.end(syscall.SIGTERM) }

// kill ends the program as a crash would.
func (p *process) kill() error { return p.end(syscall.SIGKILL) }

func (p *process) end(sig syscall.Signal) error {
	if p.cmd == nil || p.cmd.Process == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(sig) // it may have ended already
	select {
	case <-p.exit:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s does not end", p.name)
	}
}

// took is the processor time of a program that has ended, and of those that it started.
func (p *process) took() time.Duration {
	if p.cmd == nil || p.cmd.ProcessState == nil {
		return 0
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// freePorts returns n different loopback ports that nobody listens on. They are held until all are found.
func freePorts(ctx context.Context, n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// listening reports whether somebody accepts connections at addr.
func listening(addr string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	}
}

// copyFile copies from to the folder.
func copyFile(folder, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(folder, filepath.Base(from)))
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}
