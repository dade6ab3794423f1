package revoke

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/ssh"

	"github.com/leakgate/leakgate/internal/secret"
)

// derivation makes parts out of a value that an expression cannot cut.
type derivation struct {
	names  []string // what it makes
	public []string // of these, what is no secret
	make   func(vars) error
	needs  []string // without which it makes nothing
}

var derivations = map[string]derivation{
	"gcp-key": {
		[]string{"client_email", "private_key_id", "project_id", "assertion"},
		[]string{"client_email", "private_key_id", "project_id"}, deriveGoogle, nil,
	},
	"ssh-key": {[]string{"public_key", "fingerprint"}, []string{"public_key", "fingerprint"}, deriveSSH, nil},
	"aws": {
		[]string{"sts_host", "iam_host", "region", "now"}, []string{"sts_host", "iam_host", "region", "now"}, deriveAWS, nil,
	},
	"issuer":      {nil, nil, deriveIssuer, []string{"issuer"}},
	"jwt":         {[]string{"namespace", "secret_name"}, []string{"namespace", "secret_name"}, deriveKubernetes, nil},
	"certificate": {[]string{"serial", "certificate_der"}, []string{"serial", "certificate_der"}, deriveCertificate, []string{"certificate"}},
	"issued-certificate": {
		[]string{"serial_bytes", "certificate_pem", "certificate_sha256"},
		[]string{"serial_bytes", "certificate_pem", "certificate_sha256"}, deriveIssued, []string{"certificate", "ca"},
	},
}

// partitions are the parts of AWS that share no accounts: where STS and IAM
// answer in each, and for which region their requests are signed.
// https://docs.aws.amazon.com/general/latest/gr/sts.html
// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
var partitions = map[string][3]string{
	"aws":        {"sts.amazonaws.com", "iam.amazonaws.com", "us-east-1"},
	"aws-us-gov": {"sts.us-gov-west-1.amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
	"aws-cn":     {"sts.cn-north-1.amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
}

func deriveAWS(v vars) error {
	at, ok := partitions[v["partition"].Reveal()] // a setting
	if !ok {
		return errors.New("the partition is none of AWS that is known")
	}
	v["sts_host"], v["iam_host"], v["region"] = secret.New(at[0]), secret.New(at[1]), secret.New(at[2])
	v["now"] = secret.New(time.Now().UTC().Format(time.RFC3339))
	return nil
}

// googleKey is what is read of a service account's key file.
type googleKey struct {
	Email   string `json:"client_email"`
	ID      string `json:"private_key_id"`
	Project string `json:"project_id"`
	Key     string `json:"private_key"`
	// Universe is "" or that of the clouds of partners, which have hosts of their own.
	Universe string `json:"universe_domain"`
}

// deriveGoogle reads a service account's key file and signs the request for an
// access token with it, as https://developers.google.com/identity/protocols/oauth2/service-account says.
func deriveGoogle(v vars) error {
	file := googleKey{Email: v["email"].Reveal(), ID: v["key_id"].Reveal()} // no secrets
	value := v["secret"].Reveal()                                           // the file, or the key in it
	if strings.HasPrefix(strings.TrimSpace(value), "{") {
		if json.Unmarshal([]byte(value), &file) != nil {
			return errors.New("the key file of the service account does not parse (JSON)")
		}
	} else {
		file.Key = strings.ReplaceAll(value, `\n`, "\n")
	}
	key, err := parseRSA(file.Key)
	if err != nil {
		return errors.New("the value is neither a service account's key file nor the private_key in it")
	}
	if file.Email == "" || file.ID == "" {
		return errors.New("email and key_id are needed: they stand beside the key as client_email and private_key_id")
	}
	if file.Universe != "" && file.Universe != "googleapis.com" {
		return errors.New("the key is of a cloud of its own (universe_domain), which is not asked")
	}
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": file.Email, "scope": "https://www.googleapis.com/auth/cloud-platform",
		"aud": "https://oauth2.googleapis.com/token", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = file.ID
	assertion, err := token.SignedString(key)
	if err != nil {
		return errors.New("the private_key cannot sign")
	}
	v["client_email"], v["private_key_id"] = secret.New(file.Email), secret.New(file.ID)
	v["project_id"], v["assertion"] = secret.New(file.Project), secret.New(assertion)
	return nil
}

// deriveSSH gives the public half of a private key, which is what hosts list.
func deriveSSH(v vars) error {
	signer, err := ssh.ParsePrivateKey([]byte(v["secret"].Reveal())) // only its public half leaves
	if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok && missing.PublicKey != nil {
		return setPublic(v, missing.PublicKey)
	}
	if err != nil {
		return errors.New("the value is no private key that SSH reads")
	}
	return setPublic(v, signer.PublicKey())
}

func setPublic(v vars, key ssh.PublicKey) error {
	v["public_key"] = secret.New(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
	v["fingerprint"] = secret.New(ssh.FingerprintSHA256(key))
	return nil
}

// deriveIssuer holds a token to who issued it: any other server answers it like one
// that is dead.
func deriveIssuer(v vars) error {
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := readClaims(v["secret"].Reveal(), &claims); err != nil { // read, not trusted
		return err
	}
	if claims.Issuer == "" || claims.Issuer != v["issuer"].Reveal() { // a setting
		return errors.New("the token is not from the issuer of the settings")
	}
	return nil
}

// readClaims reads what a JSON Web Token says of itself.
func readClaims(token string, into any) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return errors.New("the value is no JSON Web Token")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, into) != nil {
		return errors.New("the claims of the token do not parse")
	}
	return nil
}

// deriveKubernetes reads where a service account's token is stored, which the
// token says of itself.
func deriveKubernetes(v vars) error {
	var claims struct {
		Namespace string `json:"kubernetes.io/serviceaccount/namespace"`
		Secret    string `json:"kubernetes.io/serviceaccount/secret.name"`
	}
	if err := readClaims(v["secret"].Reveal(), &claims); err != nil { // read, not trusted
		return err
	}
	v["namespace"], v["secret_name"] = secret.New(claims.Namespace), secret.New(claims.Secret)
	return nil
}
