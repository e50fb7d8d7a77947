package rds

import (
	"slices"
	"strings"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// static are engine parameters that take effect at a reboot only, of those that people change. AWS's own answer
// (ApplyType) decides how a change is applied; this list only lets a plan announce the reboot without a call.
// Sources: PostgreSQL's pg_settings with the context postmaster; MySQL's and MariaDB's system variables that are not
// dynamic; the parameters that RDS adds.
var static = map[string][]string{
	"postgres": {
		"autovacuum_freeze_max_age", "autovacuum_max_workers", "autovacuum_multixact_freeze_max_age", "hot_standby",
		"huge_pages", "max_connections", "max_files_per_process", "max_locks_per_transaction",
		"max_logical_replication_workers", "max_pred_locks_per_transaction", "max_prepared_transactions",
		"max_replication_slots", "max_wal_senders", "max_worker_processes", "pg_stat_statements.max",
		"rds.enable_plan_management", "rds.logical_replication", "shared_buffers", "shared_preload_libraries",
		"ssl_max_protocol_version", "superuser_reserved_connections", "track_activity_query_size",
		"track_commit_timestamp", "wal_buffers", "wal_level",
	},
	"mysql": {
		"character-set-client-handshake", "default_authentication_plugin", "event_scheduler",
		"explicit_defaults_for_timestamp",
		"gtid-mode", "gtid_mode", "innodb_buffer_pool_instances", "innodb_flush_method", "innodb_ft_min_token_size",
		"innodb_log_buffer_size", "innodb_log_file_size", "innodb_open_files", "innodb_page_cleaners",
		"innodb_purge_threads", "innodb_read_io_threads", "innodb_write_io_threads", "lower_case_table_names",
		"performance_schema", "skip_name_resolve", "table_open_cache_instances", "thread_stack",
	},
}

// waitsForReboot returns the changed parameters of a group that are static, sorted.
func waitsForReboot(old, desired value.Value) []string {
	engine := "mysql"
	if strings.Contains(desired.Get("family").Str(), "postgres") {
		engine = "postgres"
	}
	was, wanted := old.Get("parameters"), desired.Get("parameters")
	var out []string
	for _, name := range static[engine] {
		if !value.Equal(was.Get(name), wanted.Get(name)) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// groupRemark names the parameters that take effect only after a reboot.
func groupRemark(c resource.Change) string {
	waiting := waitsForReboot(c.Old, c.Desired)
	switch len(waiting) {
	case 0:
		return ""
	case 1:
		return waiting[0] + " takes effect at the next reboot of the database"
	default:
		return strings.Join(waiting, ", ") + " take effect at the next reboot of the database"
	}
}
