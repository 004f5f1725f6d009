/* The reset that a program asks for. */
#pragma once
#define SYS_REBOOT_COLD 1

__attribute__((noreturn)) void sys_reboot(int type);
