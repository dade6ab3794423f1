package main

import (
	"errors"
	"strconv"
)

// given is a text on the command line that says something: an empty one is that
// of a variable which nobody set, and must not look as if the flag was not there.
type given string

// Set implements pflag.Value.
func (g *given) Set(text string) error {
	if text == "" {
		return errors.New("it is empty; leave the flag out, or is a variable not set?")
	}
	*g = given(text)
	return nil
}

func (g *given) String() string { return string(*g) }

// Type implements pflag.Value.
func (*given) Type() string { return "string" }

// count is a number from 0.
type count int

// Set implements pflag.Value.
func (c *count) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return errors.New("write a number, 0 or more")
	}
	*c = count(n)
	return nil
}

func (c *count) String() string { return strconv.Itoa(int(*c)) }

// Type implements pflag.Value.
func (*count) Type() string { return "int" }
