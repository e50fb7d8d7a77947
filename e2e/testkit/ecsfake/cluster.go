package ecsfake

import (
	"encoding/json"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// createCluster returns an existing active cluster unchanged, as ECS does. The emulator would replace it.
func (f *Fake) createCluster(c *call) (any, error) {
	var in struct {
		ClusterName string `json:"clusterName"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	if in.ClusterName == "" {
		in.ClusterName = "default"
	}
	var out struct {
		Clusters []map[string]any `json:"clusters"`
	}
	err := c.ecs("DescribeClusters", map[string]any{"clusters": []string{in.ClusterName}, "include": []string{"TAGS"}},
		&out)
	if err == nil && len(out.Clusters) > 0 && out.Clusters[0]["status"] == "ACTIVE" {
		return map[string]any{"cluster": out.Clusters[0]}, nil
	}
	return nil, errDecline
}

// describeClusters adds the counts of the faked services to the emulator's
// answer.
func (f *Fake) describeClusters(c *call) (any, error) {
	resp, err := c.Forward()
	if err != nil {
		return nil, err
	}
	var out map[string]any
	if resp.Status >= 300 || json.Unmarshal(resp.Body, &out) != nil {
		return resp, nil
	}
	list, _ := out["clusters"].([]any)
	for _, entry := range list {
		described, _ := entry.(map[string]any)
		arn, _ := described["clusterArn"].(string)
		cl := f.clusters[arn]
		if cl == nil {
			continue
		}
		active, running, pending := 0, 0, 0
		for _, s := range cl.services {
			if s.status == statusActive {
				active++
			}
			running += s.count("", taskRunning)
			pending += s.count("", taskPending)
		}
		for _, t := range cl.tasks {
			switch t.status {
			case taskRunning:
				running++
			case taskPending:
				pending++
			}
		}
		described["activeServicesCount"], described["runningTasksCount"], described["pendingTasksCount"] = active,
			running, pending
	}
	return &proxy.Response{Status: resp.Status, Header: withoutLength(resp), Body: mustMarshal(out)}, nil
}

// deleteCluster refuses what ECS refuses. Each call also advances draining services, so that a caller can wait by
// retrying.
func (f *Fake) deleteCluster(c *call) (any, error) {
	var in struct {
		Cluster string `json:"cluster"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	cl, err := f.cluster(c, in.Cluster)
	if err != nil {
		return nil, err
	}
	for _, s := range cl.services {
		switch s.status {
		case statusActive:
			return nil, &apiError{
				"ClusterContainsServicesException",
				"The Cluster cannot be deleted while Services are active.",
			}
		case statusDraining:
			busy := s.count("", taskRunning)+s.count("", taskPending) > 0
			f.drain(s)
			if busy {
				return nil, &apiError{
					"ClusterContainsTasksException",
					"The Cluster cannot be deleted while Tasks are active.",
				}
			}
		}
	}
	for _, t := range cl.tasks {
		if t.status != taskStopped {
			return nil, &apiError{
				"ClusterContainsTasksException",
				"The Cluster cannot be deleted while Tasks are active.",
			}
		}
	}
	cl.tasks = nil
	return nil, errDecline
}

func withoutLength(resp *proxy.Response) map[string][]string {
	header := resp.Header.Clone()
	header.Del("Content-Length")
	return header
}

func mustMarshal(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("ECS fake: " + err.Error())
	}
	return data
}
