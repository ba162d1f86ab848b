package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keyedFile writes a file of keys and returns its path. A line is name, key, scopes.
func keyedFile(t *testing.T, path string, lines ...[3]string) {
	t.Helper()
	text := "keys:\n"
	for _, l := range lines {
		text += fmt.Sprintf("- name: %s\n  digest: sha256:%x\n  scopes: [%s]\n  quota: {cost: 1000, window: 1m}\n", l[0], sha256.Sum256([]byte(l[1])), l[2])
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, method, url, key, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func TestKeysOpenEveryListenerAndAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	keyedFile(t, file, [3]string{"field", "field-key", "predict"}, [3]string{"ops", "ops-key", "admin"})
	p := startProcess(t, "GUARDY_SECURITY_KEYS_FILE="+file, "LOG_LEVEL=error")
	risk, rpc := "http://"+p.http+"/api/v1/predict/flood-risk", "http://"+p.connect+"/guardy.v1.PredictionService/AssessFloodRisk"
	clearing := "http://" + p.http + "/api/v1/models/risk_scorer/cache"
	reload := "http://" + p.connect + "/guardy.v1.ModelService/ReloadModels"
	for _, tt := range []struct {
		method, url, key, body string
		want                   int
	}{
		{"POST", risk, "", oneLine, 401},
		{"POST", risk, "wrong", oneLine, 403},
		{"POST", risk, "ops-key", oneLine, 403},
		{"POST", risk, "field-key", oneLine, 200},
		{"POST", rpc, "", oneLine, 401},
		{"POST", rpc, "ops-key", oneLine, 403},
		{"POST", rpc, "field-key", oneLine, 200},
		{"DELETE", clearing, "", "", 401},
		{"DELETE", clearing, "field-key", "", 403},
		{"DELETE", clearing, "ops-key", "", 200},
		{"POST", reload, "field-key", `{"name":"nowcaster"}`, 403},
		{"POST", reload, "ops-key", `{"name":"nowcaster"}`, 200},
	} {
		if got := status(t, tt.method, tt.url, tt.key, tt.body); got != tt.want {
			t.Errorf("%s %s with %q: %d, want %d", tt.method, tt.url, tt.key, got, tt.want)
		}
	}
	if n := strings.Count(p.log.String(), `"level":"AUDIT"`); n != 5 {
		t.Errorf("%d lines of the audit, want 5 whatever the level of the log", n)
	}
	keyedFile(t, file, [3]string{"field", "new-key", "predict"}, [3]string{"ops", "ops-key", "admin"})
	p.signal(t, syscall.SIGHUP)
	for deadline := time.Now().Add(10 * time.Second); status(t, "POST", risk, "new-key", oneLine) != 200; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the new key is never known")
		}
	}
	if got := status(t, "POST", risk, "field-key", oneLine); got != 403 {
		t.Errorf("the old key: %d", got)
	}
}

// TestAKeyCannotBlindTheDeviceOfAnother sends readings of two keys for one device id: those of the second are late for
// nothing that the first has seen.
func TestAKeyCannotBlindTheDeviceOfAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	keyedFile(t, file, [3]string{"agency", "agency-key", "predict"}, [3]string{"stranger", "stranger-key", "predict"})
	p := startProcess(t, "GUARDY_SECURITY_KEYS_FILE="+file)
	for device, address := range []string{"http://" + p.http + "/api/v1/predict/anomaly", "http://" + p.connect + "/guardy.v1.PredictionService/DetectAnomaly"} {
		send := func(key, at string) string {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(
				fmt.Sprintf(`{"device_id":"gauge-%d","timestamp":"%s","water_level_m":1.5}`, device, at)))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-API-Key", key)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%d %s %v", res.StatusCode, text, err)
			}
			return string(text)
		}
		send("stranger-key", "2026-10-04T23:00:00Z")
		if verdict := send("agency-key", "2026-10-04T10:00:00Z"); strings.Contains(verdict, "out_of_order") {
			t.Errorf("%s: a reading of another key makes this one late: %s", address, verdict)
		}
		if verdict := send("agency-key", "2026-10-04T09:00:00Z"); !strings.Contains(verdict, "out_of_order") {
			t.Errorf("%s: what is kept of the key's own device is not used: %s", address, verdict)
		}
	}
}

// certificateFiles writes a self-signed certificate for 127.0.0.1, made for the test.
func certificateFiles(t *testing.T) (cert, key string, pair tls.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
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
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
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

func TestEveryListenerServesTLSAndAsksForCertificates(t *testing.T) {
	cert, key, pair := certificateFiles(t)
	environ := []string{"GUARDY_HTTP_TLS_CLIENT_CA_FILE=" + cert}
	for _, section := range []string{"HTTP", "CONNECT", "ADMIN"} {
		environ = append(environ, "GUARDY_"+section+"_TLS_CERT_FILE="+cert, "GUARDY_"+section+"_TLS_KEY_FILE="+key)
	}
	p := launch(t, exec.Command("guardy", "serve"), environ...)
	client := func(pairs ...tls.Certificate) *http.Client {
		return &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: pairs},
		}}
	}
	p.logged(t, `"listener":"http"`)
	for url, proto := range map[string]int{"https://" + p.http + "/readyz": 1, "https://" + p.admin + "/readyz": 2} {
		res, err := client(pair).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 || res.ProtoMajor != proto {
			t.Errorf("%s: %s %s", url, res.Status, res.Proto)
		}
	}
	res, err := client().Post("https://"+p.connect+"/guardy.v1.PredictionService/AssessFloodRisk", "application/json", strings.NewReader(oneLine))
	if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Errorf("Connect: %v, %v", res, err)
	}
	if res, err := client().Get("https://" + p.http + "/readyz"); err == nil {
		t.Errorf("a client without a certificate is served: %s", res.Status)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
