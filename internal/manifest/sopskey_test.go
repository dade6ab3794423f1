package manifest

import (
	"encoding/base64"

	"filippo.io/age"
)

type sopsKey = age.X25519Identity

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
