// Package e2e holds, in its tests, real clients that reach real servers through linedirector, in
// network namespaces (test/netlab), as root: `make e2e`. Nothing in here imports the program: it is
// built, started, asked for its metrics and stopped as an operator would do it, and by ldctl.
//
// Unless a test's head shows another one, this is the network:
//
//	client                    director                        switch          a, b, c
//	eth0 192.0.2.100 ─── eth-out [outside] [inside] eth-in ─── br0 ─┬─ eth0 10.0.0.11
//	                      192.0.2.1         10.0.0.1                ├─ eth0 10.0.0.12
//	                                                                └─ eth0 10.0.0.13
//	virtual: 192.0.2.10; the reals' default route is the director
//
// Some tests have a fourth real there, d, which is 10.0.0.14.
//
// Beside the usual `go test` flags: LINEDIRECTOR=/path/to/binary tests that one, and the ldctl beside it,
// instead of building them, TRANSFER_MIB=64 shortens the long transfers,
// FLOOD_SECONDS=30 FLOOD_RATE=200 makes TestSynguard's flood longer and as many SYNs a millisecond,
// SLOW_START=30s makes TestSlowStart's ramp longer, CHURN_SECONDS=60 has TestChurn last longer (make churn),
// and PREDICTORS=/some/folder has the tests of predictors write there what they measured (make predictors).
package e2e
