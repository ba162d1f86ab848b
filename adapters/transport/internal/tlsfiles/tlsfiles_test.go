package tlsfiles

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate writes a self-signed certificate and its key, made for the test.
func certificate(t *testing.T, dir, name string) (cert, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if pair, err = tls.LoadX509KeyPair(cert, key); err != nil {
		t.Fatal(err)
	}
	return cert, key, pair
}

// shake returns the name in the server's certificate, and the error that the client sees.
func shake(t *testing.T, server *tls.Config, client *tls.Config) (string, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := tls.NewListener(l, server).Accept()
		if err == nil {
			_, _ = c.Write([]byte("x"))
			_ = c.Close()
		}
	}()
	client.InsecureSkipVerify = true
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); err != nil && err != io.EOF { // in TLS 1.3 a refusal comes after the handshake
		return "", err
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestFilesThatChangeAreServed(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certificate(t, dir, "first")
	var log strings.Builder
	f, err := Load(Config{CertFile: cert, KeyFile: key}, "http", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	f.now = func() time.Time { return now }
	for _, want := range []string{"first", "second"} {
		certificate(t, dir, want)
		now = now.Add(lookEvery)
		if got, err := shake(t, f.Config("http/1.1"), new(tls.Config)); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if err := os.WriteFile(key, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		now = now.Add(lookEvery)
		if got, err := shake(t, f.Config("http/1.1"), new(tls.Config)); err != nil || got != "second" {
			t.Errorf("%q, %v: a key that is cut off must change nothing", got, err)
		}
	}
	if strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("not told once: %s", log.String())
	}
}

func TestAClientWithoutACertificateIsRefusedWhereTheyAreAskedFor(t *testing.T) {
	cert, key, _ := certificate(t, t.TempDir(), "server")
	authority, _, known := certificate(t, t.TempDir(), "client")
	_, _, stranger := certificate(t, t.TempDir(), "stranger")
	f, err := Load(Config{CertFile: cert, KeyFile: key, ClientCAFile: authority}, "http", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		certificates []tls.Certificate
		ok           bool
	}{"none": {nil, false}, "stranger": {[]tls.Certificate{stranger}, false}, "known": {[]tls.Certificate{known}, true}} {
		if _, err := shake(t, f.Config(), &tls.Config{Certificates: tt.certificates}); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsWrongIsNamedWithFileAndKey(t *testing.T) {
	dir := t.TempDir()
	cert, key, _ := certificate(t, dir, "server")
	for want, cfg := range map[string]Config{
		"connect.tls.cert_file: " + dir + "/absent: ":                  {CertFile: dir + "/absent", KeyFile: key},
		"connect.tls.cert_file: " + cert + " with " + cert + ": ":      {CertFile: cert, KeyFile: cert},
		"connect.tls.client_ca_file: " + key + " holds no certificate": {CertFile: cert, KeyFile: key, ClientCAFile: key},
	} {
		if _, err := Load(cfg, "connect", slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, cfg := range []Config{{CertFile: cert}, {KeyFile: key}, {ClientCAFile: cert}} {
		if cfg.Validate() == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
}
