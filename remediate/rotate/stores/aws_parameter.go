package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/leakgate/leakgate/internal/secret"
	"github.com/leakgate/leakgate/remediate/rotate"
)

// awsParameter is a parameter of AWS Systems Manager's Parameter Store. It has
// no write that another's write refuses: the version is looked at before, and
// the number that the write gave tells whether somebody was in between.
type awsParameter struct {
	aws
	name string
}

var awsParameterKind = rotate.Kind{
	ID: "aws-parameter-store", Name: "AWS Systems Manager Parameter Store", Fate: rotate.Kept, History: true, Settle: time.Minute,
	Kept:   "AWS has no call that ends one version, and whoever may call GetParameterHistory reads it: see that the old credential is revoked",
	Source: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
	Needs:  []string{"path = name", "key (of a JSON value)", "settings.region", "credentials.key_id, secret_key, session_token (optional)"},
}

func newAWSParameter(s setup) (rotate.Store, error) {
	a, err := newAWS(s, "ssm", "AmazonSSM")
	return &awsParameter{a, s.place.Path}, err
}

func (a *awsParameter) read(ctx context.Context, name string) (version string, d document, err error) {
	var said struct {
		Parameter struct {
			Value   text        `json:"Value"`
			Version json.Number `json:"Version"`
		} `json:"Parameter"`
	}
	f, err := a.call(ctx, "GetParameter", map[string]any{"Name": name, "WithDecryption": true}, &said)
	if err == nil {
		err = f.refusal("GetParameter")
	}
	if err == nil && said.Parameter.Version == "" {
		err = errors.New("GetParameter: no version was told")
	}
	return said.Parameter.Version.String(), document{said.Parameter.Value.Secret}, err
}

// Read reads a version.
func (a *awsParameter) Read(ctx context.Context, version string) (rotate.Version, error) {
	name := a.name
	if version != "" {
		name += ":" + version
	}
	id, d, err := a.read(ctx, name)
	return rotate.Version{ID: id, Values: d.values()}, err
}

// Write overwrites the parameter with its own type, key, tier, pattern and
// description: AWS would take defaults for what is not named.
func (a *awsParameter) Write(ctx context.Context, from string, values map[string]secret.Secret) (string, error) {
	id, d, err := a.read(ctx, a.name)
	if err != nil {
		return "", denied("what is there cannot be read: " + err.Error())
	}
	if id != from {
		return "", conflict(id, from)
	}
	if d, err = d.with(values); err != nil {
		return "", denied(err.Error())
	}
	put, err := a.likeBefore(ctx)
	if err != nil {
		return "", denied(err.Error())
	}
	put["Name"], put["Value"], put["Overwrite"] = a.name, d.text.Reveal(), true // AWS is to have it
	var made struct {
		Version json.Number `json:"Version"`
	}
	f, err := a.call(ctx, "PutParameter", put, &made)
	if err == nil {
		err = f.unwritten("PutParameter")
	}
	if err != nil {
		return "", err
	}
	return behind(from, made.Version.String())
}

// likeBefore is what the parameter is beside its value.
func (a *awsParameter) likeBefore(ctx context.Context) (map[string]any, error) {
	var said struct {
		Parameters []struct{ Name, Type, KeyId, Tier, DataType, AllowedPattern, Description string }
	}
	f, err := a.call(ctx, "DescribeParameters", map[string]any{"ParameterFilters": []any{map[string]any{"Key": "Name", "Option": "Equals", "Values": []string{a.name}}}}, &said)
	if err == nil {
		err = f.refusal("DescribeParameters")
	}
	if err == nil && (len(said.Parameters) != 1 || said.Parameters[0].Type == "") {
		err = errors.New("DescribeParameters: its type and key were not told")
	}
	if err != nil {
		return nil, err
	}
	p := said.Parameters[0]
	put := map[string]any{"Type": p.Type}
	for name, text := range map[string]string{"KeyId": p.KeyId, "Tier": p.Tier, "DataType": p.DataType, "AllowedPattern": p.AllowedPattern, "Description": p.Description} {
		if text != "" {
			put[name] = text
		}
	}
	return put, nil
}

// behind gives a version that a store numbered, if it is the one behind from.
// Else somebody wrote at the same moment: ours is in place, and theirs is in the
// store's history.
func behind(from, made string) (string, error) {
	before, err := strconv.Atoi(from)
	after, e := strconv.Atoi(made)
	if err != nil || e != nil {
		return "", errors.New("the store told no version that counts on")
	}
	if after != before+1 {
		return "", fmt.Errorf("somebody else wrote at the same moment: ours is version %d, and version %d is in the history", after, after-1)
	}
	return made, nil
}

// Destroy cannot be done.
func (a *awsParameter) Destroy(context.Context, string) error { return denied(awsParameterKind.Kept) }
