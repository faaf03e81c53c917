/*
 * Interpreters by Python's C API, for releases that have no module for them: loaded into the
 * target with ctypes.PyDLL, so that its calls are made with the GIL. Declared here, because
 * one library serves every release.
 */
void *PyThreadState_Swap(void *tstate);
void *Py_NewInterpreter(void);
int PyRun_SimpleStringFlags(const char *code, void *flags);
void *newinterp_make(void);
int newinterp_run(void *tstate, const char *code);

void *
newinterp_make(void)
{
	void *before = PyThreadState_Swap(0);

	PyThreadState_Swap(before);
	void *made = Py_NewInterpreter();
	PyThreadState_Swap(before);
	return made;
}

int
newinterp_run(void *tstate, const char *code)
{
	void *before = PyThreadState_Swap(tstate);
	int rc = PyRun_SimpleStringFlags(code, 0);

	PyThreadState_Swap(before);
	return rc;
}
