package manifest

import "strings"

func nameSet(names string) map[string]bool {
	out := map[string]bool{}
	for _, n := range strings.Fields(names) {
		out[n] = true
	}
	return out
}

// Functions by what they do with their texts. Sprig's are on
// https://masterminds.github.io/sprig/.
var (
	// bringing get a value from elsewhere or make a new one.
	bringing = nameSet(`secret secrets key keyOrDefault keyExists ls tree safeTree env mustEnv envOrDefault file pkiCert service services node nodes
		include tpl lookup required now uuidv4 randAlphaNum randAlpha randNumeric randAscii randBytes randInt genPrivateKey genCA genCAWithKey
		genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey getHostByName`)
	// standingIn print a text of theirs where there is nothing else.
	standingIn = nameSet(`default coalesce ternary or dig keyOrDefault envOrDefault tpl`)
	// numberedFunction are those with a digit in their name.
	numberedFunction = nameSet(`b64enc b64dec b64encode b64decode b32enc b32dec sha1sum sha256sum sha512sum adler32sum md5sum sha256Hex hmacSHA256Hex int64 float64 add1 add1f uuidv4
		pkcs12key pkcs12keyPass pkcs12cert pkcs12certPass pemToPkcs12 pemToPkcs12Pass fullPemToPkcs12 fullPemToPkcs12Pass base64Encode base64Decode base64URLEncode base64URLDecode`)
	// naming take texts that say which value or part is meant, or how it is written.
	naming = nameSet(`index get hasKey pluck pick omit unset split splitList splitn regexSplit regexFind regexFindAll regexMatch mustRegexMatch trimPrefix trimSuffix trimAll
		contains hasPrefix hasSuffix eq ne lt le gt ge date dateInZone date_in_zone dateModify date_modify mustDateModify htmlDate toDate mustToDate duration filterPEM filterCertChain
		required fail include lookup has kindIs typeIs typeIsLike semver semverCompare slice byKey byMeta jsonpath getSecretKey timestamp`)
	// layouts take the layout of a time, whose other letters are printed.
	layouts = nameSet(`date dateInZone date_in_zone dateModify date_modify mustDateModify toDate mustToDate timestamp`)
	// joining leave what they print readable.
	joining = nameSet(`print printf println quote squote cat join list tuple trim trimAll nospace lower upper title untitle toString toStrings toJson toPrettyJson toYaml
		indent nindent default coalesce ternary dict html js urlquery or and not eq ne lt le gt ge empty contains hasPrefix hasSuffix`)
)
