package revoke

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
)

// database is a leaked password of a server with its list.
func database(t *testing.T, kind, host, list string) (*Provider, Input) {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	who := secret.New("app")
	return c.Provider(kind), Input{Secret: secret.New(strings.Repeat("s", 15)), Given: map[string]secret.Secret{
		"role": who, "user": who, "host": secret.New(host), "admin": secret.New(list),
	}}
}

// Neither what is listed nor what leaked leads to where a cloud hands out credentials.
func TestADatabaseIsNeverAtTheMetadataAddress(t *testing.T) {
	password := strings.Repeat("a", 15)
	for kind, scheme := range map[string]string{"postgres-role": "postgres", "mysql-account": "mysql"} {
		for _, host := range []string{"169.254.169.254:5432", "[::ffff:169.254.169.254]:5432", "[fd00:ec2::254]:5432", "0.0.0.0:5432"} {
			p, in := database(t, kind, host, scheme+"://admin:"+password+"@"+host+"/x?sslmode=disable&tls=false")
			r := (&Client{}).Check(t.Context(), p, in)
			if r.Status != Unknown || !strings.Contains(r.Why, "refused to connect") || strings.Contains(r.Why, password) {
				t.Errorf("%s %s: %s: %s", kind, host, r.Status, r.Why)
			}
			target := Target{Provider: p.ID, ID: "app", Facts: map[string]string{"own.account_host": "%"}}.Vouched()
			if o := (&Client{}).Act(t.Context(), p, in, target, Disable); o.Result != Refused || strings.Contains(o.Why, password) {
				t.Errorf("%s %s: %s: %s", kind, host, o.Result, o.Why)
			}
		}
	}
}

// A server that says nothing, or something else, says nothing of the password.
func TestAServerThatDoesNotSpeakProvesNothing(t *testing.T) {
	for kind, scheme := range map[string]string{"postgres-role": "postgres", "mysql-account": "mysql"} {
		for _, greeting := range []string{"", "HTTP/1.1 400 Bad Request\r\n\r\n", strings.Repeat("E", 64)} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go serve(l, greeting)
			host := l.Addr().String()
			p, in := database(t, kind, host, scheme+"://admin:pw@"+host+"/x?sslmode=disable&tls=false")
			if r := (&Client{Timeout: 300 * time.Millisecond}).Check(t.Context(), p, in); r.Status != Unknown || strings.Contains(r.Why, in.Secret.Reveal()) {
				t.Errorf("%s %q: %s: %s", kind, greeting, r.Status, r.Why)
			}
		}
	}
}

func serve(l net.Listener, greeting string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(greeting)) // and then nothing, until the other side gives up
	}
}
