package main

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLog writes to standard error: control's events, never packets.
func newLog(level, format string) (*zap.Logger, error) {
	c := zap.NewProductionConfig()
	if format == "console" {
		c.Encoding = "console"
		c.EncoderConfig = zap.NewDevelopmentEncoderConfig()
		c.EncoderConfig.EncodeTime = zapcore.TimeEncoderOfLayout("2006-01-02 15:04:05.000")
		c.EncoderConfig.CallerKey = zapcore.OmitKey
	}
	c.DisableStacktrace, c.Sampling = true, nil
	var err error
	if c.Level, err = zap.ParseAtomicLevel(level); err != nil {
		return nil, err
	}
	return c.Build()
}
