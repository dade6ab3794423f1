package revoke

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	defaultTimeout = 20 * time.Second
	maxAnswer      = 1 << 20 // bytes; a page of a list is far below
	maxHeader      = 64 << 10
)

// Client asks providers. It speaks https to the hosts that a provider names
// and to public addresses only, follows no redirect, uses no proxy, keeps no
// cookie and repeats nothing. The zero Client works. It may be used concurrently.
type Client struct {
	// Timeout is for one request and its answer; 20 s when 0.
	Timeout time.Duration
	// Private names hosts, as the operator writes them in settings, that may
	// have a private or loopback address: a Vault or a GitLab of one's own.
	Private []string
	// Roots replaces the system's certificate authorities when set.
	Roots *x509.CertPool
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Dial replaces the guarded dialer in tests that have a provider of their own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver replaces the system's name resolution when set.
	Resolver *net.Resolver

	lazy lazyClient
}

// CloseIdleConnections gives back what is kept open.
func (c *Client) CloseIdleConnections() { c.http().CloseIdleConnections() }

func (c *Client) newHTTP() *http.Client {
	timeout := c.patience()
	dial := c.Dial
	if dial == nil {
		dial = c.guardedDial
	}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    timeout,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
	}
}

// send makes one call. Its errors hold no address, because an address may hold a value.
func (c *Client) send(req *http.Request) (*reply, error) {
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "leakgate")
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, bare(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", bare(err))
	}
	r := &reply{status: res.StatusCode, header: res.Header, text: string(body), wait: c.retryAfter(res.Header)}
	if len(body) > maxAnswer {
		r.text = ""
		return r, fmt.Errorf("status %d with an answer of more than %d bytes", res.StatusCode, maxAnswer)
	}
	return r, nil
}

// bare takes the address out of an error.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
	}
	return err
}

// retryAfter reads seconds or a date; nonsense and the past are 0.
func (c *Client) retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return min(time.Duration(seconds), 7*24*3600) * time.Second
	}
	if when, err := http.ParseTime(text); err == nil {
		return min(max(0, when.Sub(c.now())), 7*24*time.Hour)
	}
	return 0
}

// patience is how long one request may take.
func (c *Client) patience() time.Duration {
	if c.Timeout == 0 {
		return defaultTimeout
	}
	return c.Timeout
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
