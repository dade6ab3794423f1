package rules

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

const maxExampleRun = 100_000

// placeholder is {class:N}, {class:N-M} or {check:NAME}; any other brace is text.
var placeholder = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9]*):([A-Za-z0-9_-]+)\}`)

const (
	lowerLetters = "abcdefghijklmnopqrstuvwxyz"
	upperLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits       = "0123456789"
)

// exampleClasses are the characters that a placeholder may stand for.
var exampleClasses = map[string]string{
	"alnum":      lowerLetters + upperLetters + digits,
	"alpha":      lowerLetters + upperLetters,
	"lower":      lowerLetters,
	"upper":      upperLetters,
	"digit":      digits,
	"loweralnum": lowerLetters + digits,
	"upperalnum": upperLetters + digits,
	"hex":        digits + "abcdef",
	"HEX":        digits + "ABCDEF",
	"base32":     upperLetters + "234567",
	"base64":     lowerLetters + upperLetters + digits + "+/",
	"base64url":  lowerLetters + upperLetters + digits + "-_",
	"word":       lowerLetters + upperLetters + digits + "_",
}

// ExpandExample turns the template of an example into a text. The placeholder
// {alnum:30} becomes 30 characters of the class alnum, {hex:8-16} between 8
// and 16, and {check:NAME} whatever makes the value before it pass the check
// of that name. The same seed gives the same text, so no example that is
// written down is itself a value. Classes: alnum, alpha, lower, upper, digit,
// loweralnum, upperalnum, hex, HEX, base32, base64, base64url, word.
func ExpandExample(template string, seed uint64) (string, error) {
	return expandExample(template, seed, checksum)
}

func expandExample(template string, seed uint64, check func(name, prefix string) (string, error)) (string, error) {
	random := rand.New(rand.NewPCG(seed, 0x6c65616b67617465))
	var text strings.Builder
	rest := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(template, -1) {
		text.WriteString(template[rest:m[0]])
		rest = m[1]
		name, arg := template[m[2]:m[3]], template[m[4]:m[5]]
		filling, err := fill(name, arg, text.String(), random, check)
		if err != nil {
			return "", fmt.Errorf("expand %s: %w", template[m[0]:m[1]], err)
		}
		text.WriteString(filling)
	}
	text.WriteString(template[rest:])
	return text.String(), nil
}

func fill(name, arg, before string, random *rand.Rand, check func(name, prefix string) (string, error)) (string, error) {
	if name == "check" {
		return check(arg, before)
	}
	alphabet, ok := exampleClasses[name]
	if !ok {
		return "", fmt.Errorf("no class is named %q", name)
	}
	n, err := runLength(arg, random)
	if err != nil {
		return "", err
	}
	run := make([]byte, n)
	for i := range run {
		run[i] = alphabet[random.Uint64()%uint64(len(alphabet))]
	}
	return string(run), nil
}

// runLength reads N or N-M.
func runLength(arg string, random *rand.Rand) (int, error) {
	low, high, ranged := strings.Cut(arg, "-")
	if !ranged {
		high = low
	}
	least, errLow := strconv.Atoi(low)
	most, errHigh := strconv.Atoi(high)
	if errLow != nil || errHigh != nil || least < 0 || most < least || most > maxExampleRun {
		return 0, fmt.Errorf("%q is no length; write N or N-M, at most %d", arg, maxExampleRun)
	}
	return least + int(random.Uint64()%uint64(most-least+1)), nil
}
