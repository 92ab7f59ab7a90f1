//go:build darwin && !noengine

package local

import "errors"

// confinable says that this system cannot keep the engine from reading other files.
func confinable() error { return errors.New("there is no Landlock on this system") }

func confine(string, string) error { return confinable() }
