package kernel

import "fmt"

// ItemError says which item of a Wanted could not be applied, so that the caller can name the line
// of the configuration it came from.
type ItemError struct {
	List  string // "addresses", "virtuals", "routes" or "neighbours"
	Index int    // position in that list of Wanted
	Err   error  // what the kernel said
	Mend  string // what to do about it; may be empty
}

// Error names the item, the kernel's words and the mend, on one line.
func (e *ItemError) Error() string {
	text := fmt.Sprintf("%s[%d]: %v", e.List, e.Index, e.Err)
	if e.Mend != "" {
		text += "; " + e.Mend
	}
	return text
}

// Unwrap gives the kernel's error.
func (e *ItemError) Unwrap() error { return e.Err }
