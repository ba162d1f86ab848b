package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/app/config"
)

// healthTimeout is well above what /readyz needs and below the usual probe periods.
const healthTimeout = 3 * time.Second

type healthCmd struct {
	URL string `help:"Address to ask, when it is not the configured one." placeholder:"URL"`
}

// Run asks /readyz where the configuration says that the service listens, so that the image's
// HEALTHCHECK needs no curl and no second copy of the address.
func (h *healthCmd) Run(ctx context.Context, c *cli, std stdio) error {
	url := h.URL
	if url == "" {
		loaded, err := c.load(std)
		if err != nil {
			return err
		}
		if url, err = readyURL(loaded.Config); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	// A proxy from the environment has no business between a probe and its own machine.
	client := http.Client{Transport: &http.Transport{
		Proxy: nil, DisableKeepAlives: true,
		// The certificate names the service's public name. This asks whether it is ready, not whether it is who it says.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, //nolint:gosec // said above
	}}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w; is guardy serve running with this configuration?", err)
	}
	defer func() { _ = answer.Body.Close() }() // read only: nothing is lost
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answered %s: %s", url, answer.Status, body)
	}
	_, err = fmt.Fprintln(std.out, "ready")
	return err
}

// readyURL is where the configured service answers /readyz: on its HTTP listener, or on the admin one
// when HTTP is not served.
func readyURL(c config.Config) (string, error) {
	// A listener that wants a certificate of its client refuses this one; the admin listener may not.
	addr, secured := c.Admin.Addr, c.Admin.TLS.On()
	mutual, _ := config.Value[string](c, "http.tls.client_ca_file")
	if slices.Contains(c.Transports, "http") && (mutual == "" || addr == "") {
		cert, _ := config.Value[string](c, "http.tls.cert_file")
		secured = cert != ""
		host, _ := config.Value[string](c, "http.host")
		port, _ := config.Value[int](c, "http.port")
		addr = net.JoinHostPort(host, strconv.Itoa(port))
	}
	if addr == "" {
		return "", errors.New("neither the HTTP nor the admin listener is on; name an address with --url")
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	// A wildcard to listen on is reached on loopback.
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	scheme := "http://"
	if secured {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port) + "/readyz", nil
}
