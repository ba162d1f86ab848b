// Package tlsfiles serves TLS from files that may be replaced while the service runs, as those of cert-manager and
// certbot are: a handshake looks at most once a second whether they have changed.
package tlsfiles

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Config of TLS on one listener.
type Config struct {
	// Certificate of the server with those between it and its authority (PEM). Empty, the default, is no TLS: put a
	// proxy that ends TLS in front before the listener is public. The files are read again when they change.
	CertFile string `koanf:"cert_file"`
	// Private key of the certificate (PEM).
	KeyFile string `koanf:"key_file"`
	// Certificates of the authorities (PEM) that sign those of clients. With it a client without a certificate of
	// theirs is not served, probes of health included.
	ClientCAFile string `koanf:"client_ca_file"`
}

// On reports whether TLS is configured.
func (c Config) On() bool { return c.CertFile != "" }

// Validate reports what is missing. It reads no file.
func (c Config) Validate() error {
	var errs []error
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("tls.key_file: a certificate and its key are needed together; set tls.cert_file and tls.key_file"))
	}
	if c.ClientCAFile != "" && c.CertFile == "" {
		errs = append(errs, errors.New("tls.client_ca_file: certificates of clients need TLS; set tls.cert_file and tls.key_file"))
	}
	return errors.Join(errs...)
}

// lookEvery is the least time between two looks at the files.
const lookEvery = time.Second

// Files are the files of a listener as they were read last.
type Files struct {
	cfg     Config
	section string
	log     *slog.Logger
	now     func() time.Time

	mu      sync.Mutex
	served  *tls.Config
	content [3][]byte
	looked  time.Time
	said    string // why a change was not taken, as it was said last
}

// Load reads the files. section is the listener's in the configuration ("http"); it begins errors.
func Load(cfg Config, section string, log *slog.Logger) (*Files, error) {
	f := &Files{cfg: cfg, section: section, log: log, now: time.Now}
	content, err := f.read()
	if err == nil {
		f.served, err = f.make(content)
	}
	if err != nil {
		return nil, err
	}
	f.content, f.looked = content, f.now()
	return f, nil
}

// Config returns the configuration for a listener. protocols are offered in the handshake, the best first.
func (f *Files) Config(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := f.current().Clone()
			c.NextProtos = protocols
			return c, nil
		},
	}
}

// current returns what the files say now.
func (f *Files) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.looked) < lookEvery {
		return f.served
	}
	f.looked = now
	content, err := f.read()
	if err == nil && same(content, f.content) {
		return f.served
	}
	var made *tls.Config
	if err == nil {
		made, err = f.make(content)
	}
	if err != nil {
		if f.said != err.Error() {
			f.said = err.Error()
			f.log.Error("the files of TLS were not taken; those that were read before stay", "error", err)
		}
		return f.served
	}
	f.served, f.content, f.said = made, content, ""
	f.log.Info("the files of TLS were read again", "listener", f.section)
	return f.served
}

func same(a, b [3][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func (f *Files) read() (content [3][]byte, err error) {
	for i, file := range []struct{ key, path string }{
		{"cert_file", f.cfg.CertFile}, {"key_file", f.cfg.KeyFile}, {"client_ca_file", f.cfg.ClientCAFile},
	} {
		if file.path == "" {
			continue
		}
		if content[i], err = os.ReadFile(file.path); err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return content, fmt.Errorf("%s.tls.%s: %s: %w", f.section, file.key, file.path, err)
		}
	}
	return content, nil
}

func (f *Files) make(content [3][]byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return nil, fmt.Errorf("%s.tls.cert_file: %s with %s: %w", f.section, f.cfg.CertFile, f.cfg.KeyFile, err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if f.cfg.ClientCAFile != "" {
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
		if !c.ClientCAs.AppendCertsFromPEM(content[2]) {
			return nil, fmt.Errorf("%s.tls.client_ca_file: %s holds no certificate in PEM", f.section, f.cfg.ClientCAFile)
		}
	}
	return c, nil
}
