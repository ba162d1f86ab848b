// Command stack runs what compose.yaml describes as processes of this machine, without containers: replicas
// of guardy behind nginx, Redis, and Prometheus where it is installed. It needs nginx and redis-server in
// the PATH (Debian: nginx-light, redis-server, prometheus).
//
//	go run ./deploy/stack
//
// It prints the addresses and ends with Ctrl-C. The test of this package restarts the replicas and kills
// Redis under load.
package main
