// Package house holds, in its tests, the house rules that CONTRIBUTING.md states: which folder may
// import which, where cgo and unsafe may stand, what builds without libdpdk. They read the source of
// every platform and build tag, tests included.
package house
