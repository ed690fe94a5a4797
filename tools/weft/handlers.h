/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The handlers that the table of commands names.
 */
#ifndef WEFT_TOOLS_HANDLERS_H
#define WEFT_TOOLS_HANDLERS_H

struct cli_args;

int cmd_load(const struct cli_args *a);
int cmd_unload(const struct cli_args *a);
int cmd_rxe_add(const struct cli_args *a);
int cmd_rxe_del(const struct cli_args *a);
int cmd_rxe_list(const struct cli_args *a);
int cmd_discover(const struct cli_args *a);
int cmd_connect(const struct cli_args *a);
int cmd_disconnect(const struct cli_args *a);
int cmd_list(const struct cli_args *a);
int cmd_explain(const struct cli_args *a);
int cmd_io(const struct cli_args *a);
int cmd_perf(const struct cli_args *a);

int cmd_target_status(const struct cli_args *a);
int cmd_target_top(const struct cli_args *a);
int cmd_target_stop(const struct cli_args *a);
int cmd_target_rpc(const struct cli_args *a);
int cmd_config_save(const struct cli_args *a);
int cmd_config_load(const struct cli_args *a);
int cmd_transport_add(const struct cli_args *a);
int cmd_transport_del(const struct cli_args *a);
int cmd_transport_set(const struct cli_args *a);
int cmd_transport_list(const struct cli_args *a);

int cmd_bdev_list(const struct cli_args *a);
int cmd_bdev_stat(const struct cli_args *a);
int cmd_bdev_add_malloc(const struct cli_args *a);
int cmd_bdev_add_null(const struct cli_args *a);
int cmd_bdev_add_file(const struct cli_args *a);
int cmd_bdev_add_passthru(const struct cli_args *a);
int cmd_bdev_add_delay(const struct cli_args *a);
int cmd_bdev_add_error(const struct cli_args *a);
int cmd_bdev_split(const struct cli_args *a);
int cmd_bdev_del(const struct cli_args *a);
int cmd_bdev_rescan(const struct cli_args *a);

int cmd_target_call(const struct cli_args *a);
int cmd_bdev_inject(const struct cli_args *a);
int cmd_bdev_latency(const struct cli_args *a);
int cmd_bdev_resize(const struct cli_args *a);
int cmd_bdev_histogram(const struct cli_args *a);
int cmd_log_level(const struct cli_args *a);
int cmd_log_flag(const struct cli_args *a);

int cmd_subsystem_list(const struct cli_args *a);
int cmd_subsystem_add(const struct cli_args *a);
int cmd_subsystem_del(const struct cli_args *a);
int cmd_ns_add(const struct cli_args *a);
int cmd_ns_del(const struct cli_args *a);
int cmd_listener_add(const struct cli_args *a);
int cmd_listener_del(const struct cli_args *a);
int cmd_host_add(const struct cli_args *a);
int cmd_host_del(const struct cli_args *a);
int cmd_host_any(const struct cli_args *a);
int cmd_controllers(const struct cli_args *a);
int cmd_listener_list(const struct cli_args *a);
int cmd_listener_ana(const struct cli_args *a);
int cmd_ns_limit(const struct cli_args *a);
int cmd_ns_group(const struct cli_args *a);
int cmd_ns_host_add(const struct cli_args *a);
int cmd_ns_host_del(const struct cli_args *a);
int cmd_referral_add(const struct cli_args *a);
int cmd_referral_del(const struct cli_args *a);
int cmd_referral_list(const struct cli_args *a);
int cmd_queues(const struct cli_args *a);
int cmd_target_set(const struct cli_args *a);

#endif
