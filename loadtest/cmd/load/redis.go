package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// redisMemory asks Redis how many bytes it uses. One question does not merit a client library.
func redisMemory(ctx context.Context, address string) (bytes int64, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "redis" {
		return 0, fmt.Errorf("the memory of Redis is read from one server under redis://, not %q", u.Redacted())
	}
	dial := net.Dialer{Timeout: time.Second}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	c, err := dial.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return 0, err
	}
	if password, ok := u.User.Password(); ok {
		user := u.User.Username()
		if user == "" {
			user = "default"
		}
		if _, err := fmt.Fprintf(c, "*3\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(user), user, len(password), password); err != nil {
			return 0, err
		}
	}
	if _, err := fmt.Fprint(c, "INFO memory\r\nQUIT\r\n"); err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "used_memory:"); ok {
			return strconv.ParseInt(value, 10, 64)
		}
	}
	return 0, errors.New("redis does not tell its memory")
}
