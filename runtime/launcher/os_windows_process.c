/* The process on Windows: its standard streams, a window with a sentence, variables, and the
 * runtime as a child, for a process cannot become another program here. */
#include "os_windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* -- standard streams -- */

static bool is_open(HANDLE handle)
{
    return handle && handle != INVALID_HANDLE_VALUE && GetFileType(handle) != FILE_TYPE_UNKNOWN;
}

static HANDLE open_stream(const wchar_t *name)
{
    SECURITY_ATTRIBUTES inherited = {.nLength = sizeof inherited, .bInheritHandle = TRUE};
    return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                       &inherited, OPEN_EXISTING, 0, NULL);
}

static bool has_console; /* the one of the terminal that we were started from */
static bool has_stderr;

/* Windows gives a program of the windowed kind no console and, from a terminal, no streams. */
void os_begin(void)
{
    static const DWORD streams[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    has_console = AttachConsole(ATTACH_PARENT_PROCESS) || GetConsoleCP() != 0;
    for (int i = 0; i < 3; i++) {
        HANDLE handle = GetStdHandle(streams[i]);
        bool is_given = is_open(handle);
        if (i == 2)
            has_stderr = is_given || has_console;
        if (is_given)
            SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
        else
            SetStdHandle(streams[i],
                         open_stream(!has_console ? L"NUL" : i == 0 ? L"CONIN$" : L"CONOUT$"));
    }
}

bool os_has_terminal(void)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode);
}

void os_say(const char *text)
{
    DWORD written;
    HANDLE handle = GetStdHandle(STD_ERROR_HANDLE);
    wchar_t *wide = os_has_terminal() ? wide_text(text) : NULL;
    if (wide)
        WriteConsoleW(handle, wide, (DWORD)wcslen(wide), &written, NULL);
    else
        WriteFile(handle, text, (DWORD)strlen(text), &written, NULL);
    free(wide);
}

void os_show_window(const char *sentence)
{
    wchar_t *wide = has_stderr ? NULL : wide_text(sentence);
    if (wide) /* nobody could read the stream, so somebody double-clicked */
        MessageBoxW(NULL, wide, L"llamapack", MB_OK | MB_ICONERROR | MB_SETFOREGROUND);
    free(wide);
}

int64_t os_milliseconds(void)
{
    return (int64_t)GetTickCount64();
}

bool os_executable(char path[PATH_BYTES])
{
    static wchar_t wide[WIDE_CHARS];
    DWORD chars = GetModuleFileNameW(NULL, wide, WIDE_CHARS);
    return chars > 0 && chars < WIDE_CHARS && narrow_path(wide, path);
}

/* -- variables -- */

void os_set_variable(const char *name, const char *value)
{
    wchar_t *wide_name = wide_text(name), *wide_value = wide_text(value);
    if (wide_name && wide_value)
        SetEnvironmentVariableW(wide_name, wide_value);
    free(wide_name);
    free(wide_value);
}

static void remove_variable(const wchar_t *line)
{
    const wchar_t *equals = wcschr(line + 1, L'='); /* some hidden ones begin with one */
    size_t chars = equals ? (size_t)(equals - line) : 0;
    wchar_t *name = allocate(NULL, (chars + 1) * sizeof *name);
    memcpy(name, line, chars * sizeof *name);
    name[chars] = 0;
    SetEnvironmentVariableW(name, NULL);
    free(name);
}

void os_remove_variables(const char *prefix)
{
    wchar_t *wide = wide_text(prefix), *lines = GetEnvironmentStringsW();
    for (const wchar_t *line = lines; wide && line && *line; line += wcslen(line) + 1)
        if (_wcsnicmp(line, wide, wcslen(wide)) == 0)
            remove_variable(line);
    FreeEnvironmentStringsW(lines);
    free(wide);
}

/* -- the runtime -- */

enum { SHORT_CHARS = 160 }; /* the files beside it, a hundred longer, are below 260 too */

static HANDLE child;

/* Ctrl-C and a closed window reach the child by themselves. We live until it ends, for its exit
 * code, and because Windows ends us, and with us the child, when this returns for a closed window. */
static BOOL WINAPI wait_for_child(DWORD event)
{
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        WaitForSingleObject(child, INFINITE);
    return TRUE;
}

/* What follows the program's own name in our command line, as it was written. */
static const wchar_t *arguments_line(void)
{
    const wchar_t *at = GetCommandLineW();
    bool is_quoted = false;
    for (; *at && (is_quoted || (*at != L' ' && *at != L'\t')); at++)
        if (*at == L'"')
            is_quoted = !is_quoted;
    return at;
}

/* "<program>" <arguments> */
static wchar_t *command_line(const char *program)
{
    wchar_t *wide = wide_text(program);
    const wchar_t *rest = arguments_line();
    size_t chars = (wide ? wcslen(wide) : 0) + wcslen(rest) + 4;
    wchar_t *line = allocate(NULL, chars * sizeof *line);
    _snwprintf(line, chars, L"\"%ls\"%ls", wide ? wide : L"", rest);
    free(wide);
    return line;
}

/* Whatever is in it ends when we do, however we end. A browser may be started outside of it. */
static HANDLE make_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return job;
}

/* Windows hands the runtime its own path in the form in which it gets it here. Not everything that
 * the runtime calls takes the form without a limit, so it is only for paths that need it. */
static wchar_t *program_path(const char *program)
{
    wchar_t *plain = wide_text(program);
    if (!plain || wcslen(plain) > SHORT_CHARS) {
        free(plain);
        return wide_path(program);
    }
    for (wchar_t *at = plain; *at; at++)
        if (*at == L'/')
            *at = L'\\';
    return plain;
}

static bool create_child(const char *program, const char *name, PROCESS_INFORMATION *process)
{
    STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES};
    wchar_t *path = program_path(program), *line = command_line(name);
    start.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    start.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    start.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    DWORD flags = CREATE_SUSPENDED | (has_console ? 0 : DETACHED_PROCESS);
    bool is_made = path && CreateProcessW(path, line, NULL, NULL, TRUE, flags, NULL, NULL, &start,
                                          process);
    if (!is_made)
        windows_failed();
    free(path);
    free(line);
    return is_made;
}

void os_start(const char *program, char **arguments)
{
    PROCESS_INFORMATION process;
    DWORD code = EXIT_CANNOT_START;
    HANDLE job = make_job();
    if (!create_child(program, arguments[0], &process))
        return;
    child = process.hProcess;
    AssignProcessToJobObject(job, child);
    SetConsoleCtrlHandler(wait_for_child, TRUE);
    ResumeThread(process.hThread);
    WaitForSingleObject(child, INFINITE);
    GetExitCodeProcess(child, &code);
    ExitProcess(code);
}
