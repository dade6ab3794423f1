// Package kms signs by a key in the key management service of a cloud, which never gives
// it out: only digests go there.
package kms

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Key is an RSA key of a service, of 2048 bits or more. It is safe for concurrent use.
type Key struct{ service signer }

// signer asks a service for the signature of a SHA-256 digest, RSA with PKCS #1 v1.5.
type signer interface {
	sign(ctx context.Context, digest []byte) ([]byte, error)
}

// The names under which services know keys. Of Google's, one version signs.
// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN
// https://cloud.google.com/kms/docs/getting-resource-ids
var (
	amazonName = regexp.MustCompile(`^arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]+):[0-9]{12}:(?:key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$`)
	googleName = regexp.MustCompile(`^projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+/cryptoKeyVersions/[0-9]+$`)
)

// Timeout is for one signature, with what a service needs to know who asks.
const Timeout = 15 * time.Second

// Open takes the name of a key: an ARN of AWS, or the name of a version at Google. Who
// asks is found where the clouds' own tools look for it: in variables, in files, and in
// the identity that the machine or the pod has.
func Open(ctx context.Context, name string) (*Key, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if arn := amazonName.FindStringSubmatch(name); arn != nil {
		service, err := openAmazon(ctx, name, arn[1])
		return &Key{service}, err
	}
	if googleName.MatchString(name) {
		service, err := openGoogle(ctx, name)
		return &Key{service}, err
	}
	return nil, errors.New("a key is named by its ARN, as in arn:aws:kms:eu-west-1:111122223333:key/ID, " +
		"or as Google does, projects/…/locations/…/keyRings/…/cryptoKeys/…/cryptoKeyVersions/1")
}

// Sign signs a SHA-256 digest by RSA with PKCS #1 v1.5.
func (k *Key) Sign(ctx context.Context, digest []byte) ([]byte, error) {
	out, err := k.service.sign(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("ask the key management service to sign: %w", err)
	}
	if len(out) < 256 {
		return nil, errors.New("ask the key management service to sign: the signature is not that of an RSA key of 2048 bits or more")
	}
	return out, nil
}
