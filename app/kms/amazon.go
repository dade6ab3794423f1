package kms

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

// amazon is a key of AWS KMS. It may be made there, or be GitHub's, imported.
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-conceptual.html
type amazon struct {
	client *kms.Client
	name   string
}

func openAmazon(ctx context.Context, name, region string) (signer, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return nil, fmt.Errorf("read the configuration of AWS: %w", err)
	}
	return amazon{kms.NewFromConfig(settings), name}, nil
}

// sign asks for it. https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func (a amazon) sign(ctx context.Context, digest []byte) ([]byte, error) {
	out, err := a.client.Sign(ctx, &kms.SignInput{
		KeyId: aws.String(a.name), Message: digest, MessageType: types.MessageTypeDigest,
		SigningAlgorithm: types.SigningAlgorithmSpecRsassaPkcs1V15Sha256,
	})
	if err != nil {
		return nil, explained(err)
	}
	return out.Signature, nil
}

// explained says what to do about an answer of AWS.
func explained(err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return err
	}
	switch answer.ErrorCode() {
	case "AccessDeniedException":
		return errors.New("access is denied: the policy of the key and of who asks need kms:Sign")
	case "NotFoundException":
		return errors.New("there is no such key in that region")
	case "DisabledException", "KMSInvalidStateException":
		return errors.New("the key is disabled, or is to be deleted")
	case "InvalidKeyUsageException":
		return errors.New("the key is none for SIGN_VERIFY with RSASSA_PKCS1_V1_5_SHA_256")
	}
	return fmt.Errorf("the answer is %s", answer.ErrorCode())
}
