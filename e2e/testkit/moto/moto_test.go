package moto

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// holdVariable makes the test binary start a server, print its process id and wait until it is killed.
const holdVariable = "MOTO_TEST_HOLD"

func TestMain(m *testing.M) {
	if os.Getenv(holdVariable) == "" {
		os.Exit(m.Run())
	}
	server, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.Pid())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestServerStartsResetsAndStops(t *testing.T) {
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	require.NoError(t, server.Reset(t.Context()))
	require.NoError(t, server.Seed(t.Context(), 42))
	resp, err := http.Get(server.URL() + "/moto-api/data.json")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, server.Log(), "POST /moto-api/reset")
	server.Stop()
	server.Stop() // a second Stop has no effect
	assert.False(t, alive(server.Pid()))
}

// ask calls EC2 and returns its answer without the id of the request.
func ask(t *testing.T, server *Server, form url.Values) string {
	t.Helper()
	answer := post(t, server, "ec2", "application/x-www-form-urlencoded", "", form.Encode())
	return regexp.MustCompile("<requestId>.*</requestId>").ReplaceAllString(answer, "")
}

// post calls a service and returns its answer.
func post(t *testing.T, server *Server, service, contentType, target, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL(), strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	if target != "" {
		req.Header.Set("X-Amz-Target", target)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+service+"/aws4_request, "+
		"SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(answer))
	return string(answer)
}

func TestTagsAreFoundByIDAsWithAPattern(t *testing.T) {
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	var ids []string
	for _, name := range []string{"one", "other"} {
		made := ask(t, server, url.Values{
			"Action": {"CreateVpc"}, "CidrBlock": {"10.0.0.0/16"}, "TagSpecification.1.ResourceType": {"vpc"},
			"TagSpecification.1.Tag.1.Key": {"Name"}, "TagSpecification.1.Tag.1.Value": {name},
		})
		ids = append(ids, regexp.MustCompile("vpc-[0-9a-f]{17}").FindString(made))
	}
	tags := func(id string) string {
		return ask(t, server, url.Values{
			"Action": {"DescribeTags"}, "Filter.1.Name": {"resource-id"}, "Filter.1.Value.1": {id},
		})
	}
	assert.Contains(t, tags(ids[0]), "<value>one</value>")
	assert.NotContains(t, tags(ids[0]), "other")
	assert.Equal(t, tags(ids[1][:len(ids[1])-1]+"?"), tags(ids[1]))
	assert.NotContains(t, tags("vpc-0"), "<value>")
}

func TestFilterFindsAnyOfItsValues(t *testing.T) {
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	id := func(kind string, form url.Values) string {
		return regexp.MustCompile(kind + "-[0-9a-f]{17}").FindString(ask(t, server, form))
	}
	vpc := id("vpc", url.Values{"Action": {"CreateVpc"}, "CidrBlock": {"10.0.0.0/16"}})
	table := id("rtb", url.Values{"Action": {"CreateRouteTable"}, "VpcId": {vpc}})
	var subnets []string
	for _, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"} {
		subnets = append(subnets,
			id("subnet", url.Values{"Action": {"CreateSubnet"}, "VpcId": {vpc}, "CidrBlock": {cidr}}))
	}
	for _, subnet := range subnets[:2] {
		ask(t, server, url.Values{"Action": {"AssociateRouteTable"}, "RouteTableId": {table}, "SubnetId": {subnet}})
	}
	found := func(values ...string) string {
		form := url.Values{"Action": {"DescribeRouteTables"}, "Filter.1.Name": {"association.subnet-id"}}
		for i, v := range values {
			form.Set("Filter.1.Value."+strconv.Itoa(i+1), v)
		}
		return ask(t, server, form)
	}
	assert.Contains(t, found(subnets[0], subnets[2]), table, "one of its two subnets, and another one")
	assert.Contains(t, found(subnets...), table)
	assert.NotContains(t, found(subnets[2], "subnet-0"), table)
}

func TestGatewayEndpointIsDeletedAfterItsRouteTable(t *testing.T) {
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	id := func(kind string, form url.Values) string {
		return regexp.MustCompile(kind + "-[0-9a-f]{8,17}").FindString(ask(t, server, form))
	}
	vpc := id("vpc", url.Values{"Action": {"CreateVpc"}, "CidrBlock": {"10.0.0.0/16"}})
	table := id("rtb", url.Values{"Action": {"CreateRouteTable"}, "VpcId": {vpc}})
	endpoint := id("vpce", url.Values{
		"Action": {"CreateVpcEndpoint"}, "VpcId": {vpc}, "ServiceName": {"com.amazonaws.us-east-1.s3"},
		"VpcEndpointType": {"Gateway"}, "RouteTableId.1": {table},
	})
	ask(t, server, url.Values{"Action": {"DeleteRouteTable"}, "RouteTableId": {table}})
	ask(t, server, url.Values{"Action": {"DeleteVpcEndpoints"}, "VpcEndpointId.1": {endpoint}})
	assert.Contains(t, ask(t, server, url.Values{
		"Action": {"DescribeVpcEndpoints"}, "VpcEndpointId.1": {endpoint},
	}), "<state>deleted</state>")
}

func TestTagsOfALogGroupGoWithIt(t *testing.T) {
	server, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	logs := func(operation, body string) string {
		return post(t, server, "logs", "application/x-amz-json-1.1", "Logs_20140328."+operation, body)
	}
	logs("CreateLogGroup", `{"logGroupName": "/shop", "tags": {"team": "x"}}`)
	assert.Contains(t, logs("ListTagsLogGroup", `{"logGroupName": "/shop"}`), `"team"`)
	logs("DeleteLogGroup", `{"logGroupName": "/shop"}`)
	logs("CreateLogGroup", `{"logGroupName": "/shop"}`)
	assert.NotContains(t, logs("ListTagsLogGroup", `{"logGroupName": "/shop"}`), `"team"`)
}

func TestServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := Start(ctx, Options{})
	require.NoError(t, err)
	cancel()
	select {
	case <-server.Exited():
	case <-time.After(10 * time.Second):
		t.Fatal("the server outlives its context")
	}
}

func TestServerDiesWithAKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no parent-death signal on " + runtime.GOOS)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), holdVariable+"=1")
	in, err := parent.StdinPipe()
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	require.True(t, alive(pid))
	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait(), "killed")
	require.Eventually(t, func() bool { return !running(pid) }, 10*time.Second, 20*time.Millisecond)
}

// running reports whether a process is alive, and not one that ended but was not reaped.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestInterpreterIsReadFromTheScript(t *testing.T) {
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "moto_server")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o700))
		return path
	}
	python, err := interpreterOf(t.Context(), write("#!/opt/venv/bin/python3.12\nimport re\n"))
	require.NoError(t, err)
	assert.Equal(t, "/opt/venv/bin/python3.12", python)
	_, err = interpreterOf(t.Context(), write("#!/bin/sh\nexec something\n"))
	require.ErrorContains(t, err, "is not a Python script")
	_, err = interpreterOf(t.Context(), write("\x7fELF"))
	require.ErrorContains(t, err, "is not a script")
	_, err = interpreterOf(t.Context(), write("#!/bin/echo python3\n"))
	require.ErrorContains(t, err, "is not a Python script")
	python, err = interpreterOf(t.Context(), write("#!/usr/bin/env python3\n"))
	require.NoError(t, err)
	assert.Equal(t, "python3", filepath.Base(python))
}

func TestInstalledEnvironmentIsUsedAsItIs(t *testing.T) {
	cache := t.TempDir()
	venv := filepath.Join(cache, "venv-"+Version)
	require.NoError(t, os.MkdirAll(venv, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(venv, ".complete"), nil, 0o600))
	program, err := install(t.Context(), cache, func(s string) { t.Error("installs again: " + s) })
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(venv, "bin", "moto_server"), program)
}
