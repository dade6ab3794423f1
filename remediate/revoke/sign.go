package revoke

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// apply signs a request as AWS wants it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
func (s *Sign) apply(req *http.Request, body []byte, v vars) error {
	if s == nil {
		return nil
	}
	var parts [4]string
	for i, template := range []string{s.KeyID, s.Key, s.Session, s.Region} {
		var err error
		if parts[i], err = v.expand(template, inHeader); err != nil {
			return err
		}
	}
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: parts[0], SecretAccessKey: parts[1], SessionToken: parts[2]}
	if err := v4.NewSigner().SignHTTP(req.Context(), credentials, req, hex.EncodeToString(sum[:]), s.Service, parts[3], time.Now()); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	return nil
}
