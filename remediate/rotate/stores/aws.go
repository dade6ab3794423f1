package stores

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/leakgate/leakgate/remediate/revoke"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// aws asks one service of AWS that speaks JSON.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/asm_access.html
type aws struct {
	door
	target string // what stands before the action
}

var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// newAWS signs for a service in the region of the settings. The host is the
// service's own, or the operator's address for an endpoint in a private network.
func newAWS(s setup, service, target string) (aws, error) {
	region := s.place.Settings["region"]
	if !regionName.MatchString(region) {
		return aws{}, errors.New("settings.region is needed, as in eu-central-1")
	}
	host := service + "." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	if s.place.Address != "" {
		var err error
		if host, err = hostOf(s.place.Address); err != nil {
			return aws{}, err
		}
	}
	key := revoke.AWSKey{ID: s.given["key_id"].Reveal(), Secret: s.given["secret_key"], Session: s.given["session_token"]} // an id is no secret
	dress := func(req *http.Request, body []byte) error { return key.Sign(req, body, service, region, s.now()) }
	return aws{door{s.client, host, dress}, target}, s.needs("key_id", "secret_key")
}

// fault is the name that AWS gives an error, "" for none.
type fault string

// call makes one call and reads the answer, unless AWS names a fault.
func (a aws) call(ctx context.Context, action string, body, into any) (fault, error) {
	said, err := a.ask(ctx, http.MethodPost, "/", body, "Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", a.target+"."+action)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", action, err)
	case said.status == http.StatusOK:
		return "", said.into(into)
	case said.status != http.StatusBadRequest:
		return "", said.unclear(action)
	}
	var e struct {
		Type string `json:"__type"`
	}
	if err := said.into(&e); err != nil || e.Type == "" {
		return "", said.unclear(action)
	}
	return fault(e.Type[strings.LastIndex(e.Type, "#")+1:]), nil
}

// refusal is the error for a fault that means that nothing was done. Faults
// that AWS documents for outages and for too many calls are not among them.
func (f fault) refusal(action string) error {
	switch f {
	case "":
		return nil
	case "ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound":
		return rotate.ErrGone
	case "AccessDeniedException", "DecryptionFailure", "EncryptionFailure", "InvalidParameterException", "InvalidRequestException", "LimitExceededException",
		"ResourceExistsException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "InvalidKeyId", "ParameterPatternMismatchException",
		"ParameterMaxVersionLimitExceeded", "UnsupportedParameterType", "ValidationException", "HierarchyTypeMismatchException":
		return denied(action + ": " + string(f))
	}
	return fmt.Errorf("%s: %s", action, f)
}

// unwritten is refusal for a write: what is not there was not written.
func (f fault) unwritten(action string) error {
	err := f.refusal(action)
	if errors.Is(err, rotate.ErrGone) {
		return denied(action + ": " + string(f))
	}
	return err
}

// ourToken begins the names of versions that were made here.
const ourToken = "leakgate-"

// newToken is a name that no version has yet.
func newToken() string { return ourToken + rand.Text() + rand.Text()[:6] }
