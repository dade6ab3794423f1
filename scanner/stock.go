package scanner

import (
	"strings"
	"unicode/utf8"
)

// stand says that a value stands for one that is not there: a mask, or words
// that tell whoever reads them to put their own in; "" for others. Every word has
// to be one of those, so that a value that merely holds one is taken for real.
func stand(value string) string {
	value = strings.ToLower(value)
	if first, _ := utf8.DecodeRuneInString(value); strings.Trim(value, string(first)) == "" {
		return "a mask"
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" -_.,:*<>[](){}!'\"", r) })
	told := false
	for _, w := range words {
		if !stockWords[w] && !stockOrders[w] && strings.Trim(w, "x") != "" {
			return ""
		}
		told = told || stockOrders[w]
	}
	if !told {
		return ""
	}
	return "words that stand for a value"
}

// Each of the orders alone says that the value is not there; the words may stand
// beside them.
var (
	stockOrders = set("changeme changeit changethis replaceme redacted removed masked omitted placeholder todo fixme tbd",
		"your yours insert enter replace change fill here goes yourpassword yoursecret yourtoken yourkey")
	stockWords = set("a an the my me it this that with in to use of own real actual some please value values string text",
		"password passwd pass secret secrets token key keys api apikey access auth client id user username name",
		"account database db admin root private public base64 encoded new random strong secure")
)

func set(lists ...string) map[string]bool {
	out := map[string]bool{}
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			out[word] = true
		}
	}
	return out
}
