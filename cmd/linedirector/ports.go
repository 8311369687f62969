package main

import "linedirector/control/api"

// shownPorts are the devices as the control socket shows them; the configuration's part is control's.
func (p *peer) shownPorts() []api.Port {
	devices, _, _ := p.devices()
	all := make([]api.Port, len(p.ports))
	for i := range all {
		o, d := &p.ports[i], &devices[i]
		all[i] = api.Port{
			Device: o.Device, Driver: o.Driver, MAC: o.MAC.String(), RxQueues: o.Rx, TxQueues: o.Tx, Steering: o.Steering,
			MTU: d.MTU, Up: d.Link.Up, SpeedMbps: uint32(d.Link.SpeedMbps),
			RxPacketsTotal: d.Stats.RxPackets, TxPacketsTotal: d.Stats.TxPackets,
			RxBytesTotal: d.Stats.RxBytes, TxBytesTotal: d.Stats.TxBytes,
			RxMissedTotal: d.Stats.RxMissed, RxErrorsTotal: d.Stats.RxErrors, TxErrorsTotal: d.Stats.TxErrors,
			RxNoMbufTotal: d.Stats.RxNoMbuf,
		}
	}
	return all
}
