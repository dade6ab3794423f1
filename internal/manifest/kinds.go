package manifest

// reading is what a family of kinds makes of one leaf.
type reading struct {
	value     string // decoded
	kept      Kept
	sensitive bool
	decoded   bool // base64 was undone
	undecoded bool // base64 was due and the text is none
	from      int  // where the value starts in the text, when it is a part of it
}

// family is a group of kinds whose leaves are read alike. A new one is a file
// with a family in it and a line in the table.
type family struct {
	name string
	has  func(o object) bool
	// read judges a leaf by its path inside the object. SOPS and placeholders
	// are recognised for every kind after it, where it leaves a value Plain.
	read func(path []step, text string) reading
	// judge finds what is wrong with an object of the family; nil: nothing can be.
	judge func(j *judge, root view)
}

var families = []family{
	secrets,
	sealedSecrets,
	sopsSecrets,
	externalSecrets,
	vaultSecrets,
	certificates,
	kustomizations,
	others, // has everything, so it is last
}

func familyOf(o object) family {
	for _, f := range families {
		if f.has(o) {
			return f
		}
	}
	return others
}

// group is an API version without its version: "" for core.
func group(apiVersion string) string {
	for i := len(apiVersion) - 1; i >= 0; i-- {
		if apiVersion[i] == '/' {
			return apiVersion[:i]
		}
	}
	return ""
}

// under reports whether a path starts with these keys; "*" stands for an index.
func under(path []step, keys ...string) bool {
	if len(path) < len(keys) {
		return false
	}
	for i, k := range keys {
		if k == "*" && path[i].key == "" || k == path[i].key && k != "" {
			continue
		}
		return false
	}
	return true
}

// others are workloads, ConfigMaps and whatever else there is.
var others = family{
	name: "other",
	has:  func(object) bool { return true },
	read: func(path []step, text string) reading {
		if under(path, "binaryData") { // of a ConfigMap
			value, ok := decodeBase64(text)
			return reading{value: value, decoded: ok && text != ""}
		}
		return reading{value: text, kept: referenceUnder(path, "secretKeyRef", "configMapKeyRef", "secretRef", "configMapRef")}
	},
}

// referenceUnder is Reference for the leaves with which one of the named keys
// says where a value is, and Plain for any other leaf beside them.
func referenceUnder(path []step, refs ...string) Kept {
	if len(path) < 2 || !referring[path[len(path)-1].key] {
		return Plain
	}
	parent := path[len(path)-2].key
	for _, r := range refs {
		if parent == r {
			return Reference
		}
	}
	return Plain
}

// referring are the leaves that references of the known kinds are made of.
var referring = map[string]bool{
	"name": true, "namespace": true, "key": true, "kind": true, "group": true, "apiVersion": true, "optional": true,
	"property": true, "version": true, "conversionStrategy": true, "decodingStrategy": true, "metadataPolicy": true,
	"secretKey": true, "remoteKey": true,
}
