package main

import (
	"net"

	"linedirector/control/api"
	"linedirector/lcore"
)

// shownPorts are the devices as the control socket shows them; the configuration's part is control's.
func shownPorts(lcores *lcore.Lcores) []api.Port {
	all := make([]api.Port, len(lcores.Ports))
	for i, p := range lcores.Ports {
		mac := p.MAC()
		rx, tx := p.Queues()
		one := &all[i]
		*one = api.Port{
			Device: p.Info.Name, Driver: p.Info.Driver, MAC: net.HardwareAddr(mac[:]).String(),
			RxQueues: rx, TxQueues: tx, Steering: steering(p, lcores.Workers()),
		}
		if mtu, err := p.MTU(); err == nil {
			one.MTU = mtu
		}
		if link, err := p.Link(); err == nil {
			one.Up, one.SpeedMbps = link.Up, uint32(link.SpeedMbps)
		}
		if s, err := p.Stats(); err == nil {
			one.RxPacketsTotal, one.TxPacketsTotal, one.RxBytesTotal, one.TxBytesTotal = s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes
			one.RxMissedTotal, one.RxErrorsTotal, one.TxErrorsTotal, one.RxNoMbufTotal = s.RxMissed, s.RxErrors, s.TxErrors, s.RxNoMbuf
		}
	}
	return all
}
