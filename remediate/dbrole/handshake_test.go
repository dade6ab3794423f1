package dbrole

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // MySQL pads with it
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/leakgate/leakgate/internal/secret"
)

// cachingServer plays the sign-in of a MySQL with caching_sha2_password, written from
// MySQL's description of its protocol: no real MySQL could be had for this test. The
// client's half is go-sql-driver's.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html
type cachingServer struct {
	stored string // what ALTER USER … AS was given
	cached bool   // the server knows the password's digest already
	fault  uint16 // is answered in place of a sign-in
	key    *rsa.PrivateKey
}

// packet is one of the protocol: three bytes of length, a number, and the body.
type packets struct {
	net.Conn
	seq byte
}

func (p *packets) send(body ...byte) error {
	head := []byte{byte(len(body)), byte(len(body) >> 8), byte(len(body) >> 16), p.seq}
	p.seq++
	_, err := p.Write(append(head, body...))
	return err
}

func (p *packets) receive() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(p, head); err != nil {
		return nil, err
	}
	p.seq = head[3] + 1
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(p, body)
	return body, err
}

var ok = []byte{0, 0, 0, 2, 0, 0, 0}

func refusal(code uint16) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{0xff}, code), "#28000Access denied"...)
}

func (s *cachingServer) serve(conn net.Conn) error {
	defer conn.Close()
	p := &packets{Conn: conn}
	nonce := []byte(rand.Text()[:20])
	const capabilities = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x80000 | 0x200000 // protocol 4.1, plugins, a long answer
	hello := append([]byte{10}, "8.4.0\x00\x01\x00\x00\x00"...)
	hello = append(append(hello, nonce[:8]...), 0, capabilities&0xff, capabilities>>8&0xff, 45, 2, 0, capabilities>>16&0xff, capabilities>>24&0xff, 21)
	hello = append(append(hello, make([]byte, 10)...), nonce[8:]...)
	hello = append(append(hello, 0), "caching_sha2_password\x00"...)
	if err := p.send(hello...); err != nil {
		return err
	}
	answer, err := p.receive()
	if err != nil {
		return err
	}
	user := answer[32 : 32+bytes.IndexByte(answer[32:], 0)]
	proof := answer[32+len(user)+2:][:answer[32+len(user)+1]]
	if s.fault != 0 {
		return p.send(refusal(s.fault)...)
	}
	if s.cached {
		if err := p.send(1, 3); err != nil { // fast
			return err
		}
	} else if same, err := s.full(p, nonce); err != nil || !same {
		return errors.Join(err, p.send(refusal(1045)...))
	}
	if len(proof) != sha256.Size {
		return errors.New("no proof of the password was sent")
	}
	if err := p.send(ok...); err != nil {
		return err
	}
	for {
		if body, err := p.receive(); err != nil || body[0] == 1 { // the end
			return nil
		}
		if err := p.send(ok...); err != nil {
			return err
		}
	}
}

// full has the client send the password itself, encrypted for the server's key, and
// holds it against what was stored.
func (s *cachingServer) full(p *packets, nonce []byte) (bool, error) {
	if err := p.send(1, 4); err != nil {
		return false, err
	}
	if asks, err := p.receive(); err != nil || len(asks) != 1 || asks[0] != 2 {
		return false, errors.New("the client does not ask for the key")
	}
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		return false, err
	}
	if err := p.send(append([]byte{1}, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)...); err != nil {
		return false, err
	}
	box, err := p.receive()
	if err != nil {
		return false, err
	}
	text, err := rsa.DecryptOAEP(sha1.New(), nil, s.key, box, nil) //nolint:gosec // see the import
	if err != nil {
		return false, err
	}
	for i := range text {
		text[i] ^= nonce[i%len(nonce)]
	}
	password := bytes.TrimSuffix(text, []byte{0})
	salt := []byte(s.stored[len("$A$005$"):][:20])
	return caching(string(password), salt).Reveal() == s.stored, nil
}

func TestAHashMadeHereLetsItsPasswordIn(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	right := secret.New(rand.Text())
	stored, err := CachingHash(right)
	if err != nil || !strings.HasPrefix(stored.Reveal(), "$A$005$") || len(stored.Reveal()) != 7+20+43 {
		t.Fatalf("%d characters, %v", len(stored.Reveal()), err)
	}
	for name, c := range map[string]struct {
		server   cachingServer
		password secret.Secret
		works    bool
		tells    bool
	}{
		"the password":              {cachingServer{}, right, true, true},
		"the password, known there": {cachingServer{cached: true}, right, true, true},
		"another":                   {cachingServer{}, secret.New("another"), false, true},
		"a locked account":          {cachingServer{fault: 3118}, right, false, true},
		"too many connections":      {cachingServer{fault: 1040}, right, false, false},
		"a blocked host":            {cachingServer{fault: 1129}, right, false, false},
		"an expired password":       {cachingServer{fault: 1862}, right, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.stored, c.server.key = stored.Reveal(), key
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				conn, err := l.Accept()
				if err == nil {
					err = c.server.serve(conn)
				}
				l.Close()
				done <- err
			}()
			server, err := Parse(secret.New("mysql://admin:x@"+l.Addr().String()+"/?tls=false"), nil)
			if err != nil {
				t.Fatal(err)
			}
			works, err := Group{Server: server}.Works(t.Context(), "app", c.password)
			if works != c.works || (err == nil) != c.tells {
				t.Errorf("works %v, %v", works, err)
			}
			if err := <-done; err != nil {
				t.Errorf("the server: %v", err)
			}
		})
	}
}

// The statement that MySQL gets holds no password, and the right plugin for each.
func TestEachServerKeepsAPasswordByItsOwnPlugin(t *testing.T) {
	for kind, plugin := range map[string]string{MySQL: "WITH caching_sha2_password AS", mariaDB: "WITH mysql_native_password AS"} {
		if text := strings.Join(prepare[kind], "\n"); !strings.Contains(text, plugin) || verifiers[kind] == nil {
			t.Errorf("%s: %s", kind, text)
		}
	}
	a, err := CachingHash(secret.New("the-same"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := CachingHash(secret.New("the-same")); err != nil || a.Equal(b) {
		t.Errorf("two salts are one: %v", err)
	}
	if _, err := CachingHash(secret.New("ümlaut")); err == nil {
		t.Error("a password that servers may spell otherwise is taken")
	}
}
