/* python.exe: all of Python is in its library, which a wheel of PyPI holds without this program. */
#include <windows.h>

typedef int run_python(int count, wchar_t **arguments);

int wmain(int count, wchar_t **arguments)
{
    HMODULE library = LoadLibraryW(PYTHON_LIBRARY);
    run_python *run = library ? (run_python *)(void *)GetProcAddress(library, "Py_Main") : NULL;
    return run ? run(count, arguments) : 127;
}
