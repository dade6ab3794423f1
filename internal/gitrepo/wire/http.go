package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v6/plumbing/protocol/packp"
)

// overHTTP speaks https://git-scm.com/docs/gitprotocol-http.
func (r *Remote) overHTTP(u *url.URL) error {
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return fmt.Errorf("%s sends everything in the clear: give its https address", withoutUser(r.Address))
	}
	if u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not the address of a repository", withoutUser(r.Address))
	}
	if user := u.User; user != nil {
		u.User = nil
		r.Authorize = func(req *http.Request) error {
			password, _ := user.Password()
			req.SetBasicAuth(user.Username(), password)
			return nil
		}
	}
	r.Address = strings.TrimSuffix(u.String(), "/")
	r.reach = func(ctx context.Context, service string) (line, error) {
		l := &httpLine{ctx: ctx, remote: r, service: service}
		return l, l.connect()
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

type httpLine struct {
	ctx     context.Context //nolint:containedctx // of one exchange, which ends before the call that made it does
	remote  *Remote
	service string
	refs    io.ReadCloser
	answer  io.ReadCloser
}

func (l *httpLine) advert() io.Reader { return l.refs }

func (l *httpLine) connect() error {
	body, err := l.send(http.MethodGet, "/info/refs?service="+l.service, nil, 0, "advertisement")
	if err != nil {
		return err
	}
	l.refs = body
	var first packp.SmartReply
	if err := first.Decode(body); err != nil || first.Service != l.service {
		return errors.Join(errors.New("the answer is not that of a git server"), body.Close())
	}
	return nil
}

// ask tells the length beforehand: not every server takes a request in pieces.
func (l *httpLine) ask(request []byte, pack io.ReadSeeker) (io.Reader, error) {
	body, size := io.Reader(bytes.NewReader(request)), int64(len(request))
	if pack != nil {
		n, err := pack.Seek(0, io.SeekEnd)
		if err != nil {
			return nil, fmt.Errorf("measure the pack: %w", err)
		}
		if _, err := pack.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("read the pack: %w", err)
		}
		body, size = io.MultiReader(body, io.LimitReader(pack, n)), size+n
	}
	answer, err := l.send(http.MethodPost, "/"+l.service, body, size, "result")
	l.answer = answer
	return answer, err
}

// send makes one request; kind is the last word of the content type that must come back.
func (l *httpLine) send(method, path string, body io.Reader, size int64, kind string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(l.ctx, method, l.remote.Address+path, body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", "application/x-"+l.service+"-request")
	}
	req.Header.Set("User-Agent", "git/leakgate") // servers answer browsers with pages
	if l.remote.Authorize != nil {
		if err := l.remote.Authorize(req); err != nil {
			return nil, err
		}
	}
	res, err := l.remote.client().Do(req)
	if err != nil {
		return nil, bare(err)
	}
	if err := judge(res, "application/x-"+l.service+"-"+kind); err != nil {
		_ = res.Body.Close() // the answer is refused, whatever else is in it
		return nil, err
	}
	return res.Body, nil
}

func (r *Remote) client() *http.Client {
	c := http.Client{}
	if r.Client != nil {
		c = *r.Client
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// bare takes the address out of an error: it is said once, by the caller.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func judge(res *http.Response, kind string) error {
	switch {
	case res.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: it asks who is there (status 401)", ErrDenied)
	case res.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w (status 403)", ErrDenied)
	case res.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w, or it does not exist (status 404)", ErrDenied)
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return fmt.Errorf("it has moved (status %d): give the address where it is now", res.StatusCode)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("it answered with status %d", res.StatusCode)
	case res.Header.Get("Content-Type") != kind:
		return errors.New("the answer is not that of a git server")
	}
	return nil
}

// Close ends the exchange.
func (l *httpLine) Close() error {
	var err error
	if l.answer != nil {
		err = l.answer.Close()
	}
	return errors.Join(err, l.refs.Close())
}
