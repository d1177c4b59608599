/** CPU time so far of the thread of Redis that runs commands, in µs, of the fields that `INFO cpu` answers. */
export const mainThreadCpuUs = (info: ReadonlyMap<string, string>): number =>
  1e6 * (Number(info.get('used_cpu_user_main_thread')) + Number(info.get('used_cpu_sys_main_thread')))
