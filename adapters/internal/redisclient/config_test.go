package redisclient

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

func TestURLsNameEveryKindOfRedis(t *testing.T) {
	for text, want := range map[string]location{
		"redis://localhost":               {addrs: []string{"localhost:6379"}},
		"redis://localhost:6380/2":        {addrs: []string{"localhost:6380"}, db: 2},
		"redis://[::1]:6380?db=3":         {addrs: []string{"[::1]:6380"}, db: 3},
		"redis://:secret@h":               {addrs: []string{"h:6379"}, password: "secret"},
		"redis://user:p%40ss%2Fw@h/0":     {addrs: []string{"h:6379"}, username: "user", password: "p@ss/w"},
		"redis://user:p@s/s@h":            {addrs: []string{"h:6379"}, username: "user", password: "p@s/s"},
		"rediss://h?skip_verify=true":     {addrs: []string{"h:6379"}, tls: true, skipVerify: true},
		"unix:///run/redis.sock":          {addrs: []string{"/run/redis.sock"}},
		"unix://u:p@/run/redis.sock?db=1": {addrs: []string{"/run/redis.sock"}, username: "u", password: "p", db: 1},
		"redis://a,b:1,c":                 {addrs: []string{"a:6379", "b:1", "c:6379"}, cluster: true},
		"redis+cluster://a":               {addrs: []string{"a:6379"}, cluster: true},
		"rediss+cluster://u:p@a,b":        {addrs: []string{"a:6379", "b:6379"}, cluster: true, tls: true, username: "u", password: "p"},
		"redis+sentinel://a,b/1?master_name=m&sentinel_username=s": {
			addrs: []string{"a:26379", "b:26379"}, master: "m", db: 1, sentinelUsername: "s",
		},
	} {
		got, err := parseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(location{})); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}

func TestBadURLsAreRefusedWithoutQuotingThem(t *testing.T) {
	for _, text := range []string{
		"", "hunter2", "http://:hunter2@h", "redis://", "redis://:hunter2@", "redis://:hunter2@h:x", "redis://:hunter2@h:70000",
		"redis://:hunter2@h:0", "redis://:hunter2@h/x", "redis://:hunter2@h/-1", "redis://:hunter2@h/0/1",
		"redis://:hunter2@h?password=hunter2", "redis://:hunter2%zz@h", "redis://:hunter2@h?skip_verify=maybe",
		"redis://:hunter2@a,,b", "redis+cluster://:hunter2@a/1", "redis+sentinel://:hunter2@a", "redis+ring://:hunter2@a",
		"redis://:hunter2@h?master_name=m", "unix://", "unix://:hunter2@relative", "unix+cluster:///a", "redis://h?%zz=hunter2",
	} {
		cfg := DefaultConfig()
		cfg.URL = text
		err := cfg.Validate()
		if err == nil {
			t.Errorf("%s is accepted", text)
			continue
		}
		if !strings.HasPrefix(err.Error(), "url: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	for _, text := range []string{"redis://user:hunter2@h/1", "redis://:hunter2@a,b", "redis://user:hunt@hunter2@h", "hunter2"} {
		cfg := Config{URL: text, Password: "hunter2", SentinelPassword: "hunter2"}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "cfg", cfg)
		nested := struct{ Redis Config }{cfg}
		for _, printed := range []string{
			fmt.Sprint(cfg), fmt.Sprintf("%+v %#v %s", cfg, cfg, &cfg), fmt.Sprintf("%v %+v %#v", nested, nested, nested), log.String(),
		} {
			if strings.Contains(printed, "hunter2") {
				t.Errorf("%s", printed)
			}
		}
	}
	if got, want := maskURL("redis://user:hunter2@h:1/2"), "redis://user:***@h:1/2"; got != want {
		t.Errorf("maskURL = %s, want %s", got, want)
	}
}

func TestConfigIsRefusedWithItsKeys(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	err := Config{URL: "redis://h", KeyPrefix: strings.Repeat("x", 65)}.Validate()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{"key_prefix", "timeout", "pool_size", "breaker_failures", "probe_interval"} {
		if !strings.Contains(err.Error(), key+": ") {
			t.Errorf("nothing about %s in: %v", key, err)
		}
	}
}

func TestClientsAreOfTheKindTheURLNames(t *testing.T) {
	for text, want := range map[string]string{
		"redis://h":                        "*redis.Client",
		"redis+sentinel://h?master_name=m": "*redis.Client",
		"redis://a,b":                      "*redis.ClusterClient",
		"redis+cluster://a":                "*redis.ClusterClient",
	} {
		cfg := DefaultConfig()
		cfg.URL = text
		o, err := cfg.options(cfg.Timeout, cfg.PoolSize)
		if err != nil {
			t.Fatal(err)
		}
		client := redis.NewUniversalClient(o)
		if got := fmt.Sprintf("%T", client); got != want {
			t.Errorf("%s is a %s, want %s", text, got, want)
		}
		_ = client.Close()
	}
}

func TestThePasswordMayComeApartFromTheURL(t *testing.T) {
	o, err := Config{URL: "redis://user:old@h", Password: "new"}.options(1, 1)
	if err != nil || o.Username != "user" || o.Password != "new" {
		t.Errorf("%q %q, %v", o.Username, o.Password, err)
	}
}

func TestAnAuthorityThatCannotBeReadIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, []byte("not PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + ".missing"} {
		cfg := DefaultConfig()
		cfg.URL, cfg.TLSCAFile = "rediss://h", name
		if _, err := New(cfg, Use{}, slog.New(slog.DiscardHandler)); err == nil || !strings.HasPrefix(err.Error(), "tls_ca_file: ") {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
	}
}
