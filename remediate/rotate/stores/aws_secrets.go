package stores

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// awsSecret is a secret of AWS Secrets Manager. It is written as AWS has its own
// rotations do: a version that is pending, tried, and then made the current one
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html).
type awsSecret struct {
	aws
	id    string
	token func() string
}

var awsSecretKind = rotate.Kind{
	ID: "aws-secrets-manager", Name: "AWS Secrets Manager", Fate: rotate.Disabled, History: true, Atomic: true, Settle: time.Minute,
	Kept:   "it loses its labels, AWS deletes it in its own time, and until then whoever knows its id can read it",
	Source: "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html",
	Needs:  []string{"path = name or ARN", "key (of a JSON secret)", "settings.region", "credentials.key_id, secret_key, session_token (optional)"},
}

func newAWSSecret(s setup) (rotate.Store, error) {
	a, err := newAWS(s, "secretsmanager", "secretsmanager")
	return &awsSecret{a, s.place.Path, s.token}, err
}

type awsValue struct {
	VersionID string   `json:"VersionId"`
	Text      text     `json:"SecretString"`
	Stages    []string `json:"VersionStages"`
	document  document
}

// value reads a version by its id or by a label.
func (a *awsSecret) value(ctx context.Context, by, name string) (v awsValue, err error) {
	f, err := a.call(ctx, "GetSecretValue", map[string]string{"SecretId": a.id, by: name}, &v)
	if err == nil {
		err = f.refusal("GetSecretValue")
	}
	if err == nil && (v.VersionID == "" || v.Text.IsZero()) {
		err = denied("the secret holds no text; binary secrets are not rotated")
	}
	v.document = document{v.Text.Secret}
	return v, err
}

// Read reads a version.
func (a *awsSecret) Read(ctx context.Context, version string) (rotate.Version, error) {
	by, name := "VersionStage", "AWSCURRENT"
	if version != "" {
		by, name = "VersionId", version
	}
	v, err := a.value(ctx, by, name)
	return rotate.Version{ID: v.VersionID, Values: v.document.values()}, err
}

// Write makes a pending version, reads it back, and makes it the current one in
// the place of from, which AWS refuses when another is the current one.
func (a *awsSecret) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	current, err := a.value(ctx, "VersionStage", "AWSCURRENT")
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if current.VersionID != from {
		return "", conflict(current.VersionID, from)
	}
	next, err := current.document.with(values)
	if err != nil {
		return "", denied(err.Error())
	}
	version, err := a.pend(ctx, from, next)
	if err != nil {
		return "", err
	}
	tried, err := a.value(ctx, "VersionId", version)
	if err != nil || !tried.document.text.Equal(next.text) {
		return "", denied("the pending version cannot be read back, and was not made the current one")
	}
	return version, a.finish(ctx, from, version)
}

// pend makes the pending version, unless it is there. One that we left behind gives way.
func (a *awsSecret) pend(ctx context.Context, from string, next document) (string, error) {
	pending, err := a.value(ctx, "VersionStage", "AWSPENDING")
	if err == nil && pending.document.text.Equal(next.text) {
		return pending.VersionID, nil
	}
	switch {
	case err != nil && !errors.Is(err, rotate.ErrGone):
		return "", denied("whether a version is pending cannot be read: " + err.Error())
	case err == nil && pending.VersionID != from && !strings.HasPrefix(pending.VersionID, ourToken):
		// AWS itself begins no rotation then: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
		return "", denied("somebody else rotates the secret: a version of theirs has the label AWSPENDING")
	}
	var made awsValue
	f, err := a.call(ctx, "PutSecretValue", map[string]any{"SecretId": a.id, "ClientRequestToken": a.token(), "SecretString": next.text.Reveal(), // AWS is to have it
		"VersionStages": []string{"AWSPENDING"}}, &made)
	if err == nil {
		err = f.unwritten("PutSecretValue")
	}
	if err == nil && made.VersionID == "" {
		err = errors.New("PutSecretValue: no version was told")
	}
	return made.VersionID, err
}

// finish makes a version the current one in the place of another.
func (a *awsSecret) finish(ctx context.Context, from, version string) error {
	f, err := a.call(ctx, "UpdateSecretVersionStage", map[string]string{"SecretId": a.id, "VersionStage": "AWSCURRENT",
		"MoveToVersionId": version, "RemoveFromVersionId": from}, &struct{}{})
	if err == nil && (f == "InvalidParameterException" || f == "InvalidRequestException") {
		return fmt.Errorf("%w: AWSCURRENT is no longer at version %s; ours stays pending", rotate.ErrConflict, from)
	}
	if err == nil {
		err = f.unwritten("UpdateSecretVersionStage")
	}
	return err
}

// Destroy takes the labels of a version away, which lets AWS delete it.
func (a *awsSecret) Destroy(ctx context.Context, version string) error {
	var all struct {
		Stages map[string][]string `json:"VersionIdsToStages"`
	}
	f, err := a.call(ctx, "DescribeSecret", map[string]string{"SecretId": a.id}, &all)
	if err == nil {
		err = f.refusal("DescribeSecret")
	}
	if err != nil {
		return err
	}
	if slices.Contains(all.Stages[version], "AWSCURRENT") {
		return denied("the version is the current one")
	}
	for _, stage := range all.Stages[version] {
		f, err := a.call(ctx, "UpdateSecretVersionStage", map[string]string{"SecretId": a.id, "VersionStage": stage, "RemoveFromVersionId": version}, &struct{}{})
		if err == nil {
			err = f.refusal("UpdateSecretVersionStage")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
